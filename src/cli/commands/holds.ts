/** The kill switch. */
import type { Command } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import { common, dataDir } from './options.js'

export function addHold(program: Command, execute: Execute): void {
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
        (await import('../hold.js')).holdCommand(context, { ...options, what }),
      ),
    )
  common(command, [
    ["tipline hold 198.51.100.7 --for 24h --why 'floods the SOC'", ''],
    ["tipline hold event:4711 --why 'false positives'", 'everything in it'],
  ])
}

export function addRelease(program: Command, execute: Execute): void {
  const command = program
    .command('release')
    .summary('end a hold: what the sources and rules say counts again')
    .description('Ends every hold by hand on the value or event, at once and in every sink.')
    .argument('<what>', 'a value, an event, or the number of a hold (see tipline holds)')
    .option('--why <text>', 'the reason')
    .option('--by <name>', 'who releases it; default: the user of the system')
    .action((what: string, options: CommonOptions & { why?: string; by?: string }) =>
      execute(options, async (context) =>
        (await import('../release.js')).releaseCommand(context, { ...options, what }),
      ),
    )
  common(command, [
    ['tipline release 198.51.100.7', ''],
    ['tipline release 3', 'the hold of this number'],
  ])
}

export function addHolds(program: Command, execute: Execute): void {
  const command = program
    .command('holds')
    .summary('list the holds by hand')
    .description('Lists the holds that are in force. Exit status 1 if there is none.')
    .option('--all', 'also those that have ended')
    .addOption(dataDir())
    .action((options: CommonOptions & { all?: boolean }) =>
      execute(options, async (context) =>
        (await import('../holds.js')).holdsCommand(context, options),
      ),
    )
  common(command, [['tipline holds --all', '']])
}
