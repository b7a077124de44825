/** What every command is run with: how it was asked, and where its answer goes. */
import type { LogLevel } from '../log.js'
import { hasColours, Output } from './output.js'
import { Signals } from './signals.js'

/** The options that every command has, or may have. */
export interface CommonOptions {
  readonly config?: string
  readonly dataDir?: string
  readonly json?: boolean
  readonly logLevel?: LogLevel
  /** Where the log goes; default: stderr. */
  readonly logFile?: string
  readonly debug?: boolean
}

/** What a command does; answers the exit status. */
export type Work = (context: Context) => Promise<number>

export type Execute = (options: CommonOptions, work: Work) => Promise<void>

export type Environment = Readonly<Record<string, string | undefined>>

export class Context {
  readonly options: CommonOptions
  readonly env: Environment
  readonly out: Output
  readonly signals: Signals
  /** To be kept out of every message, besides those that a config brings. */
  secrets: readonly string[] = []

  constructor(options: CommonOptions, env: Environment, signals = new Signals()) {
    this.options = options
    this.env = env
    this.signals = signals
    this.out = new Output({
      json: options.json === true,
      stream: process.stdout,
      coloured: hasColours(process.stdout, env),
    })
  }

  /** The same run, asked otherwise. */
  asked(options: CommonOptions): Context {
    return new Context(options, this.env, this.signals)
  }

  /** Aborted by SIGINT or SIGTERM; a command that never asks for it is ended by them at once. */
  get signal(): AbortSignal {
    return this.signals.stop
  }

  /** Epoch seconds. */
  now(): number {
    return Math.floor(Date.now() / 1000)
  }

  /** How the user named the config, to be repeated in commands that we propose. */
  get configArgument(): string {
    return this.options.config === undefined ? '' : ` -c ${quoted(this.options.config)}`
  }
}

function quoted(argument: string): string {
  return /^[\w./@:+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`
}
