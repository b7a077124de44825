/** The commands for config and data folder. */
import type { Command } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import { common, dataDir } from './options.js'

export function addConfig(program: Command, execute: Execute): void {
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
      execute(options, async (context) => (await import('../config.js')).checkCommand(context)),
    )
  common(check, [['tipline config check -c config.yml', '']])
  const show = config
    .command('show')
    .summary('print the config as it takes effect')
    .description('Prints the config with every default, without its secrets.')
    .action((options: CommonOptions) =>
      execute(options, async (context) => (await import('../config.js')).showCommand(context)),
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
        (await import('../config.js')).migrateCommand(context, options),
      ),
    )
  common(migrate, [['tipline config migrate -c config.yml -o tipline.yml', '']])
  const schema = config
    .command('schema')
    .summary('print the JSON Schema of tipline.yml, for editors')
    .description('Prints the JSON Schema of tipline.yml.')
    .action((options: CommonOptions) =>
      execute(options, async (context) => (await import('../config.js')).schemaCommand(context)),
    )
  common(schema, [['tipline config schema > tipline.schema.json', '']])
}

export function addBackup(program: Command, execute: Execute): void {
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
        (await import('../backup.js')).backupCommand(context, target),
      ),
    )
  common(command, [['tipline backup /var/backups/tipline/', '']])
}

export function addRestore(program: Command, execute: Execute): void {
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
        (await import('../restore.js')).restoreCommand(context, { ...options, from }),
      ),
    )
  common(command, [['tipline restore --force /var/backups/tipline/ledger.db', '']])
}

export function addForget(program: Command, execute: Execute): void {
  const command = program
    .command('forget')
    .summary('take out of ledger and sinks what a source brought that is no longer in the config')
    .description(
      'A source that is taken out of the config is frozen: what it brought goes on being served. This command takes it away.',
    )
    .argument('<source>', 'the name of the source')
    .action((source: string, options: CommonOptions) =>
      execute(options, async (context) =>
        (await import('../forget.js')).forgetCommand(context, source),
      ),
    )
  common(command, [['tipline forget old-feed', '']])
}
