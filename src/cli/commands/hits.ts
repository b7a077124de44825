/** The command that tells what was met. */
import { type Command, Option } from 'commander'
import { HIT_KINDS } from '../../hits/hit.js'
import type { CommonOptions, Execute } from '../context.js'
import type { HitsOptions } from '../hits.js'
import { common } from './options.js'

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
    .option('--label <name>', 'only hits with this label: flowsrc of flows, --label of logs')
    .addOption(
      new Option('--kind <kind>', 'only hits of flows, or of log lines').choices(HIT_KINDS),
    )
    .option('--limit <number>', 'at most so many', '1000')
    .action((options: CommonOptions & HitsOptions) =>
      execute(options, async (context) =>
        (await import('../hits.js')).hitsCommand(context, options),
      ),
    )
  common(command, [
    ['tipline hits --since 7d', ''],
    ['tipline hits --value 198.51.100.7 --json', ''],
    ['tipline hits --kind log --label proxy', ''],
  ])
}
