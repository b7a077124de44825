/**
 * The log: pino JSON on stderr, or pretty on a terminal. stdout belongs to the command's answer.
 * Secrets are registered once and never leave, whatever object they hide in.
 */
import { createRequire } from 'node:module'
import type { DestinationStream, Logger } from 'pino'
import { TiplineError } from './errors.js'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogOptions {
  readonly level: LogLevel
  readonly pretty: boolean
  /** Of the pretty form. Default: yes. */
  readonly colours?: boolean
  /** Strings that must never be written: keys, passwords. */
  readonly secrets?: readonly string[]
  /** Takes each line; default: stderr. */
  readonly destination?: DestinationStream
}

/** Loaded with the first logger: whoever only wants a text made printable need not wait for it. */
function pinoModule(): typeof import('pino') {
  return createRequire(import.meta.url)('pino') as typeof import('pino')
}

export async function createLogger(options: LogOptions): Promise<Logger> {
  const { pino, stdSerializers } = pinoModule()
  const out = options.destination ?? pino.destination({ fd: 2, sync: true })
  const formed = options.pretty ? await prettyStream(out, options.colours ?? true) : out
  const masked = maskingStream(formed, options.secrets ?? [])
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (error: Error) => serializeError(error) ?? stdSerializers.err(error) },
    },
    masked,
  )
}

/** A logger that writes nothing, for tests and for the library. */
export function silentLogger(): Logger {
  return pinoModule().pino({ level: 'silent' })
}

/** Masks each secret in a text, also as it looks inside a JSON string. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  let masked = text
  // The longest first: one secret may hold another.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret.length < 4) continue
    masked = masked
      .replaceAll(secret, '[secret]')
      .replaceAll(JSON.stringify(secret).slice(1, -1), '[secret]')
  }
  return masked
}

/**
 * Makes foreign text safe for a terminal: control characters (C0, DEL, C1) and those of the
 * direction of writing become visible escapes, so that an indicator can neither move the cursor nor hide itself.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Undefined for what is not ours. */
function serializeError(error: Error): object | undefined {
  if (!(error instanceof TiplineError)) return undefined
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  return { type: error.name, message: error.message, hint: error.hint, cause }
}

/** What JSON lets through raw, a terminal might obey; so that is escaped here too. */
function maskingStream(out: DestinationStream, secrets: readonly string[]): DestinationStream {
  return { write: (line) => out.write(`${printable(maskSecrets(line.trimEnd(), secrets))}\n`) }
}

async function prettyStream(out: DestinationStream, colours: boolean): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    colorize: colours,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
  })
  return { write: (line) => out.write(pretty(JSON.parse(line, printableText)) ?? '') }
}

/** Foreign text reaches the pretty form unescaped; of a stack the line breaks are ours. */
function printableText(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  return key === 'stack' ? value.split('\n').map(printable).join('\n') : printable(value)
}
