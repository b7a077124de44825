/** What a command that failed says, and the exit status that goes with it. */
import { CommanderError } from 'commander'
import { ConfigError, type ConfigProblem, EXIT, TiplineError } from '../errors.js'
import { maskSecrets, printable } from '../log.js'
import type { Context } from './context.js'

export interface Failure {
  readonly status: number
  /** Error class, or what else it was. */
  readonly type: string
  readonly what: string
  readonly hint: string | undefined
  /** Further lines, such as the problems of a config. */
  readonly details: readonly string[]
}

export interface Asked {
  /** Missing where the command line itself could not be understood. */
  readonly context: Context | undefined
  readonly named: Named
}

/** What of the command line is understood. */
export interface Named {
  /** `tipline sync` */
  readonly path: string
  /** Whether it is one of the commands below it that does something. */
  readonly isGroup: boolean
}

export async function failureOf(error: unknown, { context, named }: Asked): Promise<Failure> {
  const stopped = context?.signals.by
  if (error instanceof CommanderError) return wrongUse(error, named)
  if (error instanceof ConfigError) return { ...known(error), details: await problemsOf(error) }
  if (error instanceof TiplineError) {
    return { ...known(error), ...(stopped && { status: stopped.exitStatus }) }
  }
  // What an abort throws on its way up has many shapes; what it means stands in the signal.
  if (stopped) return known(stopped)
  return systemFault(error) ?? bug(error, context)
}

export function failureDocument(failure: Failure, context: Context | undefined): object {
  const { status, type, what, hint, details } = failure
  const mask = masking(context)
  return {
    error: {
      type,
      what: mask(what),
      ...(hint !== undefined && { hint: mask(hint) }),
      ...(details.length > 0 && { details: details.map(mask) }),
      exit_status: status,
    },
  }
}

export function failureText(failure: Failure, context: Context | undefined): string {
  const { what, hint, details } = failure
  const lines = [
    `tipline: ${printable(what)}`,
    ...details.map((line) => `  ${printable(line)}`),
    ...(hint === undefined ? [] : [`  hint: ${printable(hint)}`]),
  ]
  return `${masking(context)(lines.join('\n'))}\n`
}

function known(error: TiplineError): Failure {
  const { name: type, message: what, hint, exitStatus: status } = error
  return { type, what, hint, status, details: [] }
}

/** Not one that has no place in the file and stands in the error's own words. */
async function problemsOf(error: ConfigError): Promise<readonly string[]> {
  const isTold = ({ line, message }: ConfigProblem) =>
    line === undefined && error.message.includes(message)
  if (error.problems.every(isTold)) return []
  const { formatConfigError } = await import('../config/format.js')
  return formatConfigError(error).split('\n')
}

/** "error: unknown command 'snyc'\n(Did you mean sync?)" */
function wrongUse(error: CommanderError, { path, isGroup }: Named): Failure {
  const [what = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = /^\(Did you mean (.+)\?\)$/.exec(rest.join(' ').trim())?.[1]
  const isEarly = isGroup && error.code === 'commander.unknownOption'
  const early = isEarly ? 'options stand behind the command; ' : ''
  const help = `${early}${path} --help tells how it is used`
  const hint = suggestion === undefined ? help : `did you mean ${suggestion}?`
  return { type: 'UsageError', what, hint, status: EXIT.usage, details: [] }
}

/** A file or disk that says no is nobody's bug. */
export function systemFault(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined
  const { message: what, code } = error
  const hint = HINTS[String(code)] ?? 'check the path and the system'
  return { type: 'SystemError', what, hint, status: EXIT.outside, details: [] }
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'check who may read and write there',
  EPERM: 'check who may read and write there',
  EROFS: 'that disk can only be read',
  ENOSPC: 'the disk is full',
  ENOENT: 'check the path',
  EEXIST: 'something else has that name: is it a file where a folder is to be?',
  ENOTDIR: 'a part of that path is a file, not a folder',
}

function bug(error: unknown, context: Context | undefined): Failure {
  const level = context?.options.logLevel
  const verbose = level === 'debug' || level === 'trace'
  const stack = error instanceof Error ? (error.stack ?? '').split('\n') : []
  return {
    type: 'Bug',
    what: `unexpected: ${error instanceof Error ? error.message : String(error)}`,
    hint: verbose
      ? 'this is a bug in tipline; please report it with the lines above'
      : 'this is a bug in tipline; please report it with what --log-level debug says',
    status: EXIT.bug,
    details: verbose ? stack : [],
  }
}

function masking(context: Context | undefined): (text: string) => string {
  const secrets = context?.secrets ?? []
  return (text) => maskSecrets(text, secrets)
}
