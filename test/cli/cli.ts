/** Runs the compiled command line as its users do: as a process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { endWithUs } from '../servers/program.js'

const MAIN = fileURLToPath(new URL('../../.build/src/cli/main.js', import.meta.url))

export interface Ran {
  /** null: it was ended by a signal. */
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** stdin stays open: the test writes to it, and ends it. */
  readonly keepOpen?: boolean
  /** Program and arguments that start it, as `nice`. */
  readonly under?: readonly string[]
}

export class Running {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''

  constructor(args: readonly string[], { cwd, env, input, keepOpen, under = [] }: RunOptions = {}) {
    const [program = '', ...rest] = [...under, ...commandLine(args)]
    this.child = spawn(program, rest, {
      cwd,
      // Nothing of the machine's may decide: no proxy, no config, no colours.
      env: { ...ownEnvironment(), NO_COLOR: '1', ...env },
    })
    endWithUs(this.child)
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    if (!keepOpen) this.child.stdin?.end(input ?? '')
  }

  async end(): Promise<Ran> {
    const [status, signal] = await once(this.child, 'close')
    return { status, signal, stdout: this.stdout, stderr: this.stderr }
  }
}

function ownEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', TMPDIR: tmpdir() }
}

/** Program and arguments, for a test that starts it in its own way. */
export function commandLine(args: readonly string[]): string[] {
  return [process.execPath, MAIN, ...args]
}

export function tipline(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Running(args, options).end()
}

/** The document of a command that was run with --json; fails where there is anything else on stdout. */
export function documentOf(ran: Ran): Record<string, unknown> {
  try {
    return JSON.parse(ran.stdout) as Record<string, unknown>
  } catch (cause) {
    throw new Error(`no one JSON document: ${ran.stdout}\n${ran.stderr}`, { cause })
  }
}
