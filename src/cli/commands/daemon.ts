/** The command that goes on by itself. */
import type { Command } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import { common } from './options.js'

export function addRun(program: Command, execute: Execute): void {
  const command = program
    .command('run')
    .summary('keep every source and sink in step, until told to stop')
    .description(
      'The daemon. Asks each source on its own schedule (`every`), brings every sink up to date within seconds, looks whether the sinks still hold what they were given, and waits for what is down. One process for each data folder. SIGTERM and SIGINT end it well, with exit status 0.',
    )
    .option('-l, --log-file <file>', 'write the log into this file instead of on stderr')
    .option('--debug', 'the same as --log-level debug')
    .action((options: CommonOptions) =>
      execute(options, async (context) => (await import('../daemon.js')).daemonCommand(context)),
    )
  common(command, [
    ['tipline run', 'with ./tipline.yml'],
    ['tipline run -c /etc/tipline/tipline.yml', 'as a service does it'],
  ])
}
