/** The commands for the first day. */
import type { Command } from 'commander'
import type { CommonOptions, Execute } from '../context.js'
import { answering, exemplify } from './options.js'

export function addDemo(program: Command, execute: Execute): void {
  const command = program
    .command('demo')
    .summary('see the main job done on a small feed, with nothing set up')
    .description(
      'Makes a small MISP feed out of documentation addresses and names, pulls it into a ledger, looks indicators up, answers a few log lines, matches a few flows, revokes an indicator and shows that it no longer hits, learns of a new one and finds it in the flows of the past. Needs no MISP, no memcached and no network.',
    )
    .option('--keep', 'work in ./.tipline-demo and leave it there, to try more commands on it')
    .action((options: CommonOptions & { keep?: boolean }) =>
      execute(options, async (context) =>
        (await import('../demo/demo.js')).demoCommand(context, options),
      ),
    )
  answering(command)
  exemplify(command, [
    ['tipline demo', ''],
    ['tipline demo --json', 'the counts as JSON'],
  ])
}

/** What stands in the help; the work is that of complete.ts, which has to see the words as typed. */
export function addCompletion(program: Command): void {
  const command = program
    .command('complete')
    .summary('print a script that completes commands in a shell')
    .description(
      'Prints a script that completes commands and options, to be read by the shell. In bash it needs the package bash-completion.',
    )
    .argument('<shell>', 'bash, zsh, fish or powershell')
    .helpOption('-h, --help', 'tell how it is used')
  exemplify(command, [
    ['source <(tipline complete bash)', 'in ~/.bashrc; for zsh in ~/.zshrc'],
    ['tipline complete fish | source', 'in ~/.config/fish/config.fish'],
  ])
}
