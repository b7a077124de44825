/** The command that tells what was met. */
import { type Command, Option } from 'commander'
import { HIT_KINDS, WAYS } from '../../hits/hit.js'
import type { CommonOptions, Execute } from '../context.js'
import type { HitsOptions } from '../hits.js'
import type { MarkOptions } from '../hits-mark.js'
import type { PurgeOptions } from '../hits-purge.js'
import { common } from './options.js'
import { orEmpty } from './use.js'

export function addHits(program: Command, execute: Execute): void {
  const command = program
    .command('hits')
    .summary('tell what flows and log lines met')
    .description(
      'Tells the hits, the newest first: of flows, and of log lines where `tipline enrich --record` or the API wrote them down. With --json one hit a line.',
    )
    .option('--since <when>', 'how far back, e.g. 24h or 7d, or a date', '24h')
    .option('--until <when>', 'before this: a duration ago, or a date')
    .option('--value <value>', 'only hits of this address, name, hash or user, on either side')
    .option('--event <id>', 'only hits of this event, by its number or uuid')
    .option('--source <name>', 'only hits of what this source brought')
    .addOption(
      orEmpty(
        new Option(
          '--label <name>',
          'only hits with this label: flowsrc of flows, --label of logs; an empty one: without a label',
        ),
      ),
    )
    .addOption(
      new Option('--kind <kind>', 'only hits of flows, or of log lines').choices(HIT_KINDS),
    )
    .addOption(
      new Option('--way <way>', 'only hits that were met so: as flows arrived, or later').choices(
        WAYS,
      ),
    )
    .option('--limit <number>', 'at most so many', '1000')
    .addOption(
      new Option(
        '--counted',
        'what flows met and is only counted: floods, and scanners nobody answered',
      ).conflicts(['label', 'way']),
    )
    .action((options: CommonOptions & HitsOptions & { counted?: boolean }) =>
      execute(options, async (context) =>
        options.counted
          ? (await import('../hits-counted.js')).countedCommand(context, options)
          : (await import('../hits.js')).hitsCommand(context, options),
      ),
    )
  common(command, [
    ['tipline hits --since 7d', ''],
    ['tipline hits --value 198.51.100.7 --json', ''],
    ['tipline hits --kind log --label proxy', ''],
    ['tipline hits --counted --since 7d', 'by indicator'],
  ])
  addMarks(command, execute)
  addPurge(command, execute)
}

function addMarks(hits: Command, execute: Execute): void {
  const mark = hits
    .command('mark')
    .summary('say that hits are none')
    .description(
      'Marks hits as false positives. They stay in the list, with the mark; alerts are silent about them. Where the source has `sightings: { false_positives: true }` its MISP is told.',
    )
    .argument('<id...>', 'ids of hits, as `tipline hits` tells them')
    .requiredOption('--false-positive', 'what they are')
    .option('--why <text>', 'the reason, for those who find it')
    .option('--by <name>', 'who says so; default: the user of the system')
    .action((ids: string[], options: CommonOptions & MarkOptions) =>
      execute(options, async (context) =>
        (await import('../hits-mark.js')).markCommand(context, { ...options, ids }),
      ),
    )
  common(mark, [
    ["tipline hits mark log-d6d6aa961e2eb53a --false-positive --why 'our own scanner'", ''],
  ])
  const unmark = hits
    .command('unmark')
    .summary('take such a mark away')
    .description('Takes the mark of false positives away. What MISP was told stays there.')
    .argument('<id...>', 'ids of hits')
    .action((ids: string[], options: CommonOptions) =>
      execute(options, async (context) =>
        (await import('../hits-mark.js')).unmarkCommand(context, ids),
      ),
    )
  common(unmark, [['tipline hits unmark log-d6d6aa961e2eb53a', '']])
}

function addPurge(hits: Command, execute: Execute): void {
  const purge = hits
    .command('purge')
    .summary('erase the hits that concern one address or user')
    .description(
      'Tells how many hits have a value, of lines anywhere in what was kept of the line; with --yes it erases them for good. Exit status 1 where --yes was missing.',
    )
    .option('--address <address>', 'an address, however it is spelled')
    .option('--user <name>', 'a user, as the logs write them')
    .option('--value <value>', 'whatever else')
    .option('--yes', 'do it')
    .action((options: CommonOptions & PurgeOptions) =>
      execute(options, async (context) =>
        (await import('../hits-purge.js')).purgeCommand(context, options),
      ),
    )
  common(purge, [
    ['tipline hits purge --address 192.0.2.5', 'what would go?'],
    ['tipline hits purge --address 192.0.2.5 --yes', ''],
  ])
}
