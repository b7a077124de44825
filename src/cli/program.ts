/**
 * The commands as the command line, its help, its completion and the reference know them. Only words
 * and options stand here and in commands.ts: what a command does is loaded when it is run, so that
 * `tipline lookup` need not wait for what `tipline sync` needs.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addCommands } from './commands/commands.js'
import { addCompletion } from './commands/start.js'
import { checkUse } from './commands/use.js'
import type { Execute } from './context.js'

export interface ProgramOptions {
  /** Runs what was asked for. */
  readonly execute: Execute
  /** Without the command `complete`, for what puts its own in that place. */
  readonly completes?: boolean
}

/** Never exits: wrong use, and help that was shown, are thrown as a CommanderError. */
export function buildProgram({ execute, completes = true }: ProgramOptions): Command {
  const program = new Command('tipline')
    .description('Puts the indicators a team shares in MISP where its data flows.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'tell how it is used')
    // Else a command would take options for itself that stand behind a sub-command of its own.
    .enablePositionalOptions()
    .exitOverride()
    // What went wrong is told in one place, for errors of every kind.
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', AFTER)
    .hook('preAction', (_, command) => checkUse(command))
  addCommands(program, execute)
  if (completes) addCompletion(program)
  return program.helpCommand('help [command]', 'tell how a command is used')
}

const AFTER = `
The config is what -c names, else $TIPLINE_CONFIG, else ./tipline.yml. MISP2memcached's config.yml is
read as it is. Exit status: 0 done, 1 nothing found or a check failed, 2 wrong use or config,
3 something outside failed, 4 the guard froze a source.`

/** From package.json, which is two folders up in the package and three up where tests are built. */
function version(): string {
  const places = ['../../package.json', '../../../package.json']
  const path = places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url))
  if (path === undefined) return 'unknown'
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
