/** The commands that look at logs. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import type { EnrichCommandOptions } from '../enrich.js'
import { common, dataDir } from './options.js'
import { needing } from './use.js'

export function addEnrich(program: Command, execute: Execute): void {
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
    .option('--record', 'also write the hits down, for `tipline hits`, alerts and sightings')
    .addOption(
      needing(
        new Option('--label <name>', 'with --record: what these logs are called, e.g. proxy'),
        'record',
      ),
    )
    .option('--stats', 'end with counts and rate, on stderr')
    .option('--threads <n>', 'share the work between so many threads; default: 1', threadCount)
    .option('--explain-fields', 'only say which fields of a sample would be looked up')
    .addOption(dataDir())
    .action((files: string[], options: CommonOptions & EnrichCommandOptions) =>
      execute(options, async (context) =>
        (await import('../enrich.js')).enrichCommand(context, { ...options, files }),
      ),
    )
  common(command, [
    ['zcat logs.json.gz | tipline enrich > out.json', 'a step in a pipe'],
    ['tipline enrich --only-hits --stats conn.json.zst', 'only what hits'],
    ['tipline enrich --preset suricata --hits hits.json eve.json > /dev/null', 'hits aside'],
    ['tail -F eve.json | tipline enrich --record --label ids > /dev/null', 'keep the hits'],
    ['tipline enrich --explain-fields --preset zeek http.log', 'what is looked up?'],
  ])
}

/** So many have their places in the memory of the scanner. */
function threadCount(text: string): number {
  const threads = Number(text)
  if (/^\d{1,2}$/.test(text) && threads >= 1 && threads <= 64) return threads
  throw new InvalidArgumentError('expected a number from 1 to 64')
}
