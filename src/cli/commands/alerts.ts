/** The command for messages that were refused. */
import { type Command, Option } from 'commander'
import type { AlertsOptions } from '../alerts.js'
import type { CommonOptions, Execute } from '../context.js'
import { common } from './options.js'

export function addAlerts(program: Command, execute: Execute): void {
  const command = program
    .command('alerts')
    .summary('tell which messages their receivers refused; send them again, or drop them')
    .description(
      'Tells the messages that are parked, as their receiver refused them for good, with the reason. Exit status 1 if there is none.',
    )
    .addOption(new Option('--retry <id>', 'send this one again, or `all`').conflicts('drop'))
    .option('--drop <id>', 'give this one up, or `all`')
    .action((options: CommonOptions & AlertsOptions) =>
      execute(options, async (context) =>
        (await import('../alerts.js')).alertsCommand(context, options),
      ),
    )
  common(command, [
    ['tipline alerts', ''],
    ['tipline alerts --retry all', 'after the receiver was put right'],
  ])
}
