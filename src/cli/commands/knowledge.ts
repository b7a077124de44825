/** The commands that tell what is known, and whether all is well. */
import { type Command, Option } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import { common, dataDir } from './options.js'
import { needing } from './use.js'

export function addLookup(program: Command, execute: Execute): void {
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
        (await import('../lookup.js')).lookupCommand(context, values),
      ),
    )
  common(command, [
    ['tipline lookup 198.51.100.7 evil.example', 'two values'],
    ['cut -f3 conn.log | tipline lookup --json -', 'values from a file'],
  ])
}

export function addExplain(program: Command, execute: Execute): void {
  const command = program
    .command('explain')
    .summary('all that is known of a value: why it is live, held, set aside, revoked or unknown')
    .description(
      'Tells the state of a value, since when and why, by which events of which source, in which sinks, what holds it, and its history; and what the policy in the config would say now.',
    )
    .argument('<value>', 'an indicator, as for lookup')
    .addOption(
      new Option('--check-sinks', 'also ask the sinks themselves what they hold').conflicts(
        'dataDir',
      ),
    )
    .addOption(dataDir())
    .action((value: string, options: CommonOptions & { checkSinks?: boolean }) =>
      execute(options, async (context) =>
        (await import('../explain.js')).explainCommand(context, { ...options, value }),
      ),
    )
  common(command, [
    ['tipline explain hxxp://evil[.]example/gate.php', 'why does this (not) hit?'],
    ['tipline explain --check-sinks 198.51.100.7', 'is it really in memcached?'],
  ])
}

export function addStatus(program: Command, execute: Execute): void {
  const command = program
    .command('status')
    .summary('how fresh the sources and the sinks are, what is live, held, set aside, withheld')
    .description('Tells the state of the ledger. Exit status 1 if something needs a hand.')
    .option('--withheld <id>', 'list what the guard withholds under this id')
    .addOption(
      new Option(
        '--set-aside',
        'list the attributes whose value can not be an indicator of their type',
      ).conflicts('withheld'),
    )
    .action((options: CommonOptions & { withheld?: string; setAside?: boolean }) =>
      execute(options, async (context) =>
        (await import('../status.js')).statusCommand(context, options),
      ),
    )
  common(command, [
    ['tipline status', ''],
    ['tipline status --json | jq .problems', 'for monitoring'],
    ['tipline status --withheld 4f1c09aa', 'what would be accepted'],
    ['tipline status --set-aside', 'values to be mended in the MISP'],
  ])
}

export function addDoctor(program: Command, execute: Execute): void {
  const command = program
    .command('doctor')
    .summary('check the config, the ledger, every source and every sink')
    .description(
      'Tries everything that a sync needs and changes nothing. Each finding comes with what to do. Exit status 1 if something is wrong.',
    )
    .option(
      '--fix',
      'add to a table of flows that another tool made what imports and backscan want',
    )
    .addOption(needing(new Option('--yes', 'with --fix: without asking'), 'fix'))
    .addOption(
      new Option('--alerts', 'send a test through every channel of `alerts`').conflicts('fix'),
    )
    .addOption(
      new Option(
        '--sql',
        "print the SQL of ClickHouse's tables and views, as this config has them",
      ).conflicts(['fix', 'alerts']),
    )
    .addOption(
      needing(new Option('--cluster <name>', 'with --sql: for every node of this cluster'), 'sql'),
    )
    .action(
      (
        options: CommonOptions & {
          fix?: boolean
          yes?: boolean
          alerts?: boolean
          sql?: boolean
          cluster?: string
        },
      ) =>
        execute(options, async (context) => {
          if (options.sql)
            return await (await import('../doctor-sql.js')).sqlCommand(context, options)
          if (!options.fix)
            return await (await import('../doctor.js')).doctorCommand(context, options)
          return await (await import('../doctor-fix.js')).fixCommand(context, {
            yes: options.yes === true,
          })
        }),
    )
  common(command, [
    ['tipline doctor', ''],
    ['tipline doctor --fix', 'says what it will do, and asks'],
    ['tipline doctor --sql', 'what a sync would create in ClickHouse'],
  ])
}
