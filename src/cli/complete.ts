/** `tipline complete`: the scripts for the shells, and what those ask back at each press of TAB. */
import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { buildProgram } from './program.js'

/** `argv` begins with `complete`. @throws CommanderError for a shell that is none */
export async function complete(argv: readonly string[]): Promise<void> {
  if (argv[1] === '--' && wantsFile(argv.slice(2))) {
    process.stdout.write(FILES)
    return
  }
  const program = buildProgram({ execute: async () => undefined, completes: false })
  // A list has room for a few words only.
  for (const command of descendants(program)) command.description(command.summary())
  tab(program)
  await program.parseAsync(argv, { from: 'user' })
  if (argv[1] === 'bash') process.stdout.write(BASH_FILES)
}

/** The script leaves files to bash's default, and then does not ask for one. */
const BASH_FILES = 'complete -o default -F __tipline_complete tipline\n'

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)])
}

/** The protocol's word for: complete it as you would any file. */
const FILES = ':0\n'

const FILE_OPTIONS = ['-c', '--config', '--data-dir', '-o', '--output']
const FILE_COMMANDS = ['backup', 'restore']

/** The last word is the one being typed. */
function wantsFile(words: readonly string[]): boolean {
  const [command = ''] = words
  if (FILE_OPTIONS.includes(words.at(-2) ?? '')) return true
  return FILE_COMMANDS.includes(command) && words.length > 1 && !words.at(-1)?.startsWith('-')
}
