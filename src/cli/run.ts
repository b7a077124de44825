/** From the command line to an exit status. */
import { type Command, CommanderError } from 'commander'
import { EXIT } from '../errors.js'
import { type CommonOptions, Context, type Environment, type Work } from './context.js'
import { type Failure, failureDocument, failureOf, failureText, type Named } from './failure.js'
import { watchOutput } from './lost-output.js'
import { jsonText } from './output.js'
import { buildProgram } from './program.js'
import type { Signals } from './signals.js'

/** Never throws. `argv`: without node and the script. */
export async function run(
  argv: readonly string[],
  env: Environment,
  signals: Signals,
): Promise<number> {
  watchOutput()
  let context: Context | undefined
  let status: number = EXIT.done
  const execute = async (options: CommonOptions, work: Work) => {
    context = new Context(options, env, signals)
    status = await work(context)
  }
  const program = buildProgram({ execute })
  try {
    if (asksForCompletion(argv)) await (await import('./complete.js')).complete(argv)
    else await program.parseAsync(argv, { from: 'user' })
    return status
  } catch (error) {
    if (isHelp(error)) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    const failure = await failureOf(error, { context, named: namedBy(program, argv) })
    tell(failure, { context, json: context?.out.json ?? argv.includes('--json') })
    return failure.status
  }
}

/** Help or version was shown; of `tipline` alone too, which is wrong use. */
function isHelp(error: unknown): error is CommanderError {
  if (!(error instanceof CommanderError)) return false
  return error.exitCode === 0 || error.code === 'commander.help'
}

/** `tipline config check`, as far as the words are commands. */
function namedBy(program: Command, argv: readonly string[]): Named {
  const words = ['tipline']
  let command = program
  for (const word of argv) {
    const next = command.commands.find((each) => each.name() === word)
    if (!next) break
    command = next
    words.push(word)
  }
  return { path: words.join(' '), isGroup: command.commands.length > 0 }
}

function tell(
  failure: Failure,
  { context, json }: { context: Context | undefined; json: boolean },
): void {
  process.stderr.write(failureText(failure, context))
  if (json) process.stdout.write(jsonText(failureDocument(failure, context)))
}

function asksForCompletion([command, first]: readonly string[]): boolean {
  return command === 'complete' && first !== '--help' && first !== '-h'
}
