/** The command that brings indicators from MISP to the sinks. */
import { type Command, Option } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import { common } from './options.js'
import { needing } from './use.js'

interface SyncFlags {
  readonly accept?: string[]
  readonly wait?: boolean
  readonly dryRun?: boolean
  readonly compare?: boolean
}

export function addSync(program: Command, execute: Execute): void {
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
    .addOption(
      new Option(
        '--dry-run',
        'ask and judge, on a copy of the ledger, and change nothing anywhere',
      ).conflicts(['accept', 'wait']),
    )
    .addOption(
      needing(
        new Option(
          '--compare',
          'with --dry-run: also tell what a rebuild would change in every sink',
        ),
        'dryRun',
      ),
    )
    .option('-l, --log-file <file>', 'write the log into this file instead of on stderr')
    .option('--debug', 'the same as --log-level debug')
    .action((options: CommonOptions & SyncFlags) =>
      execute(options, async (context) =>
        options.dryRun
          ? (await import('../dry-run.js')).dryRunCommand(context, options)
          : (await import('../sync.js')).syncCommand(context, options),
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
