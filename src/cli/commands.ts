/** Every command's words and options, with examples; help, completion and reference are made of it. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS } from '../log.js'
import type { BackscanOptions } from './backscan.js'
import type { CommonOptions, Execute } from './context.js'
import type { EnrichCommandOptions } from './enrich.js'
import type { HitsOptions } from './hits.js'

/** A command line, and what it does. */
export type Example = readonly [line: string, does: string]

const EXAMPLES = new WeakMap<Command, readonly Example[]>()

export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? []
}

export function addCommands(program: Command, execute: Execute): void {
  program.commandsGroup('From MISP to the sinks:')
  addSync(program, execute)
  program.commandsGroup('Logs:')
  addEnrich(program, execute)
  program.commandsGroup('Flows:')
  addFlows(program, execute)
  addBackscan(program, execute)
  addHits(program, execute)
  program.commandsGroup('What is known:')
  addLookup(program, execute)
  addExplain(program, execute)
  addStatus(program, execute)
  addDoctor(program, execute)
  program.commandsGroup('Where the data flows:')
  addLogstash(program, execute)
  program.commandsGroup('The kill switch:')
  addHold(program, execute)
  addRelease(program, execute)
  addHolds(program, execute)
  program.commandsGroup('Upkeep:')
  addConfig(program, execute)
  addBackup(program, execute)
  addRestore(program, execute)
  addForget(program, execute)
  program.commandsGroup('Getting started:')
  addDemo(program, execute)
}

interface SyncFlags {
  readonly accept?: string[]
  readonly wait?: boolean
  readonly dryRun?: boolean
  readonly compare?: boolean
}

function addSync(program: Command, execute: Execute): void {
  const command = program
    .command('sync')
    .summary('bring what the sources share into the ledger, and from there into every sink')
    .description(
      'Asks every source what changed, judges whether that is believable, puts it into the ledger and brings every sink up to date. Where another process is syncing already it says so and ends well.',
    )
    .option(
      '--accept <id...>',
      'let through what the guard withheld under this id, and nothing larger',
    )
    .option('--wait', 'wait for another process that is syncing')
    .option('--dry-run', 'ask and judge, on a copy of the ledger, and change nothing anywhere')
    .option('--compare', 'with --dry-run: also tell what a rebuild would change in every sink')
    .option('-l, --log-file <file>', 'write the log into this file instead of on stderr')
    .option('--debug', 'the same as --log-level debug')
    .action((options: CommonOptions & SyncFlags) =>
      execute(options, async (context) =>
        options.dryRun
          ? (await import('./dry-run.js')).dryRunCommand(context, options)
          : (await import('./sync.js')).syncCommand(context, options),
      ),
    )
  common(command, [
    ['tipline sync', 'with ./tipline.yml'],
    ['tipline sync -c config.yml', 'with the config of MISP2memcached, as it is'],
    ['tipline sync --dry-run --compare', 'before taking over what another tool filled'],
    ['tipline sync -c misp2ch.conf -l sync.log', 'with that of misp2clickhouse'],
    ['tipline sync --accept 4f1c09aa', 'let through what was withheld'],
  ])
}

function addEnrich(program: Command, execute: Execute): void {
  const command = program
    .command('enrich')
    .summary('tell in log lines which indicators they hit')
    .description(
      'Reads log lines in JSON, one a line, and writes them: what hits nothing byte for byte as it came, a hit with ECS threat.enrichments[] added. Follows the ledger while it runs. Files may be packed with gzip or zstd; without a file it reads stdin.',
    )
    .argument('[file...]', 'logs; - is stdin')
    .addOption(
      new Option('--preset <name>', 'which fields are looked up; default: ecs').choices([
        'ecs',
        'suricata',
        'zeek',
        'plain',
      ]),
    )
    .option('--fields <file>', "fields of one's own, in YAML, alone or beside a preset")
    .option('--only-hits', 'write only the lines that hit')
    .option('--hits <file>', 'also write the lines that hit to this file')
    .option('--legacy', "also write misp.event_id and misp.type, as MISP2memcached's script does")
    .option('--stats', 'end with counts and rate, on stderr')
    .option('--threads <n>', 'share the work between so many threads; default: 1', threadCount)
    .option('--explain-fields', 'only say which fields of a sample would be looked up')
    .addOption(dataDir())
    .action((files: string[], options: CommonOptions & EnrichCommandOptions) =>
      execute(options, async (context) =>
        (await import('./enrich.js')).enrichCommand(context, { ...options, files }),
      ),
    )
  common(command, [
    ['zcat logs.json.gz | tipline enrich > out.json', 'a step in a pipe'],
    ['tipline enrich --only-hits --stats conn.json.zst', 'only what hits'],
    ['tipline enrich --preset suricata --hits hits.json eve.json > /dev/null', 'hits aside'],
    ['tipline enrich --explain-fields --preset zeek http.log', 'what is looked up?'],
  ])
}

function threadCount(text: string): number {
  const threads = Number(text)
  if (/^\d{1,2}$/.test(text) && threads >= 1) return threads
  throw new InvalidArgumentError('expected a number from 1 to 99')
}

function addFlows(program: Command, execute: Execute): void {
  const flows = program
    .command('flows')
    .summary('bring flows that nfcapd wrote into ClickHouse')
    .description(
      'Reads nfcapd files through nfdump into the table of flows, where they are matched as they arrive. Each file goes in once, however often it is named.',
    )
    .helpOption('-h, --help', 'tell how it is used')
  const importing = flows
    .command('import')
    .summary('import these files')
    .description('Imports nfcapd files. A file that is cut or foreign is set aside with a reason.')
    .argument('<file...>', 'nfcapd files')
    .option('--flowsrc <label>', 'what stands in the column flowsrc')
    .action((files: string[], options: CommonOptions & { flowsrc?: string }) =>
      execute(options, async (context) =>
        (await import('./flows.js')).importCommand(context, files, options),
      ),
    )
  common(importing, [['tipline flows import /var/cache/nfdump/nfcapd.202611211200', '']])
  const watching = flows
    .command('watch')
    .summary('import whatever nfcapd finishes in these folders')
    .description(
      'Watches folders and their sub-folders for finished files (nfcapd.YYYYMMDDhhmm), until it is stopped.',
    )
    .argument('<folder...>', 'folders; LABEL=FOLDER also sets the column flowsrc')
    .option('--once', 'import what is there, then end')
    .action((folders: string[], options: CommonOptions & { once?: boolean }) =>
      execute(options, async (context) =>
        (await import('./flows.js')).watchCommand(context, folders, options),
      ),
    )
  common(watching, [['tipline flows watch border=/var/cache/nfdump', '']])
}

function addBackscan(program: Command, execute: Execute): void {
  const command = program
    .command('backscan')
    .summary('look for indicators in the flows of the past')
    .description(
      'Looks for indicators in flows that came before them, newest day first. What has been covered is remembered: the next run does only what is missing, and a hit is never written twice.',
    )
    .option('--since <duration>', 'how far back', '30d')
    .option('--indicator <value>', 'only this address or net')
    .action((options: CommonOptions & BackscanOptions) =>
      execute(options, async (context) =>
        (await import('./backscan.js')).backscanCommand(context, options),
      ),
    )
  common(command, [
    ['tipline backscan --since 30d', ''],
    ['tipline backscan --since 90d --indicator 198.51.100.7', ''],
  ])
}

function addHits(program: Command, execute: Execute): void {
  const command = program
    .command('hits')
    .summary('tell what flows met')
    .description('Tells the hits of flows, the newest first. With --json one hit a line.')
    .option('--since <duration>', 'how far back, e.g. 24h or 7d', '24h')
    .option('--value <address>', 'only hits of this address, indicator or inside')
    .option('--event <id>', 'only hits of this event, by its number or uuid')
    .option('--limit <number>', 'at most so many', '1000')
    .action((options: CommonOptions & HitsOptions) =>
      execute(options, async (context) =>
        (await import('./hits.js')).hitsCommand(context, options),
      ),
    )
  common(command, [
    ['tipline hits --since 7d', ''],
    ['tipline hits --value 198.51.100.7 --json', ''],
  ])
}

function addLookup(program: Command, execute: Execute): void {
  const command = program
    .command('lookup')
    .summary('is this value an indicator?')
    .description(
      'Looks values up in the ledger: addresses (also in nets), names (also below a domain), URLs, hashes, mail addresses and whatever else an indicator may be, defanged or not. Exit status 1 if none of them is live.',
    )
    .argument('<value...>', 'what to look up; - reads values from stdin, one a line')
    .addOption(dataDir())
    .action((values: string[], options: CommonOptions) =>
      execute(options, async (context) =>
        (await import('./lookup.js')).lookupCommand(context, values),
      ),
    )
  common(command, [
    ['tipline lookup 198.51.100.7 evil.example', 'two values'],
    ['cut -f3 conn.log | tipline lookup --json -', 'values from a file'],
  ])
}

function addExplain(program: Command, execute: Execute): void {
  const command = program
    .command('explain')
    .summary('all that is known of a value: why it is live, held, set aside, revoked or unknown')
    .description(
      'Tells the state of a value, since when and why, by which events of which source, in which sinks, what holds it, and its history; and what the policy in the config would say now.',
    )
    .argument('<value>', 'an indicator, as for lookup')
    .option('--check-sinks', 'also ask the sinks themselves what they hold')
    .addOption(dataDir())
    .action((value: string, options: CommonOptions & { checkSinks?: boolean }) =>
      execute(options, async (context) =>
        (await import('./explain.js')).explainCommand(context, { ...options, value }),
      ),
    )
  common(command, [
    ['tipline explain hxxp://evil[.]example/gate.php', 'why does this (not) hit?'],
    ['tipline explain --check-sinks 198.51.100.7', 'is it really in memcached?'],
  ])
}

function addStatus(program: Command, execute: Execute): void {
  const command = program
    .command('status')
    .summary('how fresh the sources and the sinks are, what is live, held, set aside, withheld')
    .description('Tells the state of the ledger. Exit status 1 if something needs a hand.')
    .option('--withheld <id>', 'list what the guard withholds under this id')
    .option('--set-aside', 'list the attributes whose value can not be an indicator of their type')
    .action((options: CommonOptions & { withheld?: string; setAside?: boolean }) =>
      execute(options, async (context) =>
        (await import('./status.js')).statusCommand(context, options),
      ),
    )
  common(command, [
    ['tipline status', ''],
    ['tipline status --json | jq .problems', 'for monitoring'],
    ['tipline status --withheld 4f1c09aa', 'what would be accepted'],
    ['tipline status --set-aside', 'values to be mended in the MISP'],
  ])
}

function addDoctor(program: Command, execute: Execute): void {
  const command = program
    .command('doctor')
    .summary('check the config, the ledger, every source and every sink')
    .description(
      'Tries everything that a sync needs and changes nothing. Each finding comes with what to do. Exit status 1 if something is wrong.',
    )
    .action((options: CommonOptions) =>
      execute(options, async (context) => (await import('./doctor.js')).doctorCommand(context)),
    )
  common(command, [['tipline doctor', '']])
}

interface LogstashWords extends CommonOptions {
  readonly out: string
  readonly fields?: string[]
  readonly installedIn?: string
  readonly staleAfter: string
  readonly mispFields?: boolean
}

function addLogstash(program: Command, execute: Execute): void {
  const command = program
    .command('logstash')
    .summary('write the pipeline and the script with which Logstash looks indicators up')
    .description(
      'Writes tipline.conf (a filter section), tipline.rb (the script that it runs) and tipline.json (what the script is told of the config; no secret). Writes over what it wrote before. Run it again when servers, sources, own or allow change.',
    )
    .requiredOption('--out <dir>', 'the folder to write to; made where it is missing')
    .option(
      '--fields <what...>',
      'ecs (the default), or files that say which field of ECS, or which namespace, your own fields stand for',
    )
    .option(
      '--installed-in <dir>',
      'the folder that the files will be in on the machine of Logstash; default: that of --out',
    )
    .option(
      '--stale-after <duration>',
      'tag lines where the oldest source was read longer ago; never: do not',
      '6h',
    )
    .option('--misp-fields', 'also write [misp][event_id] and [misp][type]')
    .option('--no-misp-fields', 'do not; default: where the values in memcached are ids')
    .action((options: LogstashWords) =>
      execute(options, async (context) =>
        (await import('./logstash.js')).logstashCommand(context, options),
      ),
    )
  common(command, [
    ['tipline logstash --out /etc/logstash/tipline', ''],
    ['tipline logstash --out pipeline --installed-in /etc/logstash/tipline', 'to be copied there'],
    [
      'tipline logstash --out pipeline --fields ecs zeek-fields.yml',
      'more fields than those of ECS',
    ],
  ])
}

function addHold(program: Command, execute: Execute): void {
  const command = program
    .command('hold')
    .summary('stop serving a value or a whole event, at once and in every sink')
    .description(
      'The kill switch for an indicator that does harm. It needs no rights on the MISP and waits for none; it is stronger than every source and rule, survives syncs and restarts, and lasts until it is released or its time is over. The value need not be known yet.',
    )
    .argument('<what>', 'a value, an event as event:ID or event:UUID, or the uuid of an event')
    .requiredOption('--why <text>', 'the reason, for those who find it held')
    .option('--for <duration>', 'how long, e.g. 24h or 7d; without it until it is released')
    .option('--by <name>', 'who holds it; default: the user of the system')
    .action((what: string, options: CommonOptions & { why: string; for?: string; by?: string }) =>
      execute(options, async (context) =>
        (await import('./hold.js')).holdCommand(context, { ...options, what }),
      ),
    )
  common(command, [
    ["tipline hold 198.51.100.7 --for 24h --why 'floods the SOC'", ''],
    ["tipline hold event:4711 --why 'false positives'", 'everything in it'],
  ])
}

function addRelease(program: Command, execute: Execute): void {
  const command = program
    .command('release')
    .summary('end a hold: what the sources and rules say counts again')
    .description('Ends every hold by hand on the value or event, at once and in every sink.')
    .argument('<what>', 'a value, an event, or the number of a hold (see tipline holds)')
    .option('--why <text>', 'the reason')
    .option('--by <name>', 'who releases it; default: the user of the system')
    .action((what: string, options: CommonOptions & { why?: string; by?: string }) =>
      execute(options, async (context) =>
        (await import('./release.js')).releaseCommand(context, { ...options, what }),
      ),
    )
  common(command, [
    ['tipline release 198.51.100.7', ''],
    ['tipline release 3', 'the hold of this number'],
  ])
}

function addHolds(program: Command, execute: Execute): void {
  const command = program
    .command('holds')
    .summary('list the holds by hand')
    .description('Lists the holds that are in force. Exit status 1 if there is none.')
    .option('--all', 'also those that have ended')
    .addOption(dataDir())
    .action((options: CommonOptions & { all?: boolean }) =>
      execute(options, async (context) =>
        (await import('./holds.js')).holdsCommand(context, options),
      ),
    )
  common(command, [['tipline holds --all', '']])
}

function addConfig(program: Command, execute: Execute): void {
  const config = program
    .command('config')
    .summary('check, show, migrate the config; print its schema')
    .description(
      'The config is what -c names, else $TIPLINE_CONFIG, else ./tipline.yml or ./tipline.yaml.',
    )
    .helpCommand(false)
    .helpOption('-h, --help', 'tell how it is used')
  const check = config
    .command('check')
    .summary('is the config right?')
    .description(
      'Reads the config and all that it refers to, and tells every problem with line and column. Asks nobody. Exit status 2 if there is one.',
    )
    .action((options: CommonOptions) =>
      execute(options, async (context) => (await import('./config.js')).checkCommand(context)),
    )
  common(check, [['tipline config check -c config.yml', '']])
  const show = config
    .command('show')
    .summary('print the config as it takes effect')
    .description('Prints the config with every default, without its secrets.')
    .action((options: CommonOptions) =>
      execute(options, async (context) => (await import('./config.js')).showCommand(context)),
    )
  common(show, [['tipline config show -c config.yml', 'what an old config comes to mean']])
  const migrate = config
    .command('migrate')
    .summary('write the config in the form of tipline.yml')
    .description(
      'Prints a tipline.yml that means the same; secrets become environment variables, which are named in it.',
    )
    .option('-o, --output <file>', 'write it here; a file that is there already stays')
    .action((options: CommonOptions & { output?: string }) =>
      execute(options, async (context) =>
        (await import('./config.js')).migrateCommand(context, options),
      ),
    )
  common(migrate, [['tipline config migrate -c config.yml -o tipline.yml', '']])
  const schema = config
    .command('schema')
    .summary('print the JSON Schema of tipline.yml, for editors')
    .description('Prints the JSON Schema of tipline.yml.')
    .action((options: CommonOptions) =>
      execute(options, async (context) => (await import('./config.js')).schemaCommand(context)),
    )
  common(schema, [['tipline config schema > tipline.schema.json', '']])
}

function addBackup(program: Command, execute: Execute): void {
  const command = program
    .command('backup')
    .summary('copy the ledger, while it is in use')
    .description(
      'Writes a whole and consistent copy of the ledger, whatever goes on meanwhile. In a folder it gets a name with date and time.',
    )
    .argument('<target>', 'a file, or a folder')
    .addOption(dataDir())
    .action((target: string, options: CommonOptions) =>
      execute(options, async (context) =>
        (await import('./backup.js')).backupCommand(context, target),
      ),
    )
  common(command, [['tipline backup /var/backups/tipline/', '']])
}

function addRestore(program: Command, execute: Execute): void {
  const command = program
    .command('restore')
    .summary('put a copy of the ledger in place')
    .description(
      'Puts a copy that `tipline backup` made in the place of the ledger. The sinks notice by themselves: the next sync rebuilds them.',
    )
    .argument('<from>', 'the file of the backup')
    .option('--force', 'also where there is a ledger; that one is kept beside it')
    .addOption(dataDir())
    .action((from: string, options: CommonOptions & { force?: boolean }) =>
      execute(options, async (context) =>
        (await import('./restore.js')).restoreCommand(context, { ...options, from }),
      ),
    )
  common(command, [['tipline restore --force /var/backups/tipline/ledger.db', '']])
}

function addForget(program: Command, execute: Execute): void {
  const command = program
    .command('forget')
    .summary('take out of ledger and sinks what a source brought that is no longer in the config')
    .description(
      'A source that is taken out of the config is frozen: what it brought goes on being served. This command takes it away.',
    )
    .argument('<source>', 'the name of the source')
    .action((source: string, options: CommonOptions) =>
      execute(options, async (context) =>
        (await import('./forget.js')).forgetCommand(context, source),
      ),
    )
  common(command, [['tipline forget old-feed', '']])
}

function addDemo(program: Command, execute: Execute): void {
  const command = program
    .command('demo')
    .summary('see the main job done on a small feed, with nothing set up')
    .description(
      'Makes a small MISP feed out of documentation addresses and names, pulls it into a ledger, looks indicators up, answers a few log lines, revokes an indicator and shows that it no longer hits. Needs no MISP, no memcached and no network.',
    )
    .option('--keep', 'work in ./.tipline-demo and leave it there, to try more commands on it')
    .action((options: CommonOptions & { keep?: boolean }) =>
      execute(options, async (context) =>
        (await import('./demo/demo.js')).demoCommand(context, options),
      ),
    )
  answering(command)
  exemplify(command, [
    ['tipline demo', ''],
    ['tipline demo --json', 'the counts as JSON'],
  ])
}

/** What stands in the help; the work is that of complete.ts, which has to see the words as typed. */
export function addCompletion(program: Command): void {
  const command = program
    .command('complete')
    .summary('print a script that completes commands in a shell')
    .description(
      'Prints a script that completes commands and options, to be read by the shell. In bash it needs the package bash-completion.',
    )
    .argument('<shell>', 'bash, zsh, fish or powershell')
    .helpOption('-h, --help', 'tell how it is used')
  exemplify(command, [
    ['source <(tipline complete bash)', 'in ~/.bashrc; for zsh in ~/.zshrc'],
    ['tipline complete fish | source', 'in ~/.config/fish/config.fish'],
  ])
}

function common(command: Command, examples: readonly Example[]): void {
  command.option('-c, --config <file>', 'the config; default: $TIPLINE_CONFIG, else ./tipline.yml')
  answering(command)
  exemplify(command, examples)
}

function answering(command: Command): void {
  command
    .option('--json', 'answer with one JSON document on stdout')
    .addOption(
      new Option('--log-level <level>', 'the least severe messages on stderr').choices(LOG_LEVELS),
    )
    .helpOption('-h, --help', 'tell how it is used')
}

function dataDir(): Option {
  return new Option('--data-dir <dir>', 'the folder of the ledger, in place of a config')
}

function exemplify(command: Command, examples: readonly Example[]): void {
  EXAMPLES.set(command, examples)
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, does]) =>
    does === '' ? `  ${line}` : `  ${line.padEnd(width)}  # ${does}`,
  )
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}
