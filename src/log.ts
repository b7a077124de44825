/**
 * The log: pino JSON on stderr, or pretty on a terminal. stdout belongs to the command's answer.
 * Secrets are registered once and never leave, whatever object they hide in.
 */
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino'
import { TiplineError } from './errors.js'

export type { Logger }

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogOptions {
  readonly level: LogLevel
  readonly pretty: boolean
  /** Strings that must never be written: keys, passwords. */
  readonly secrets?: readonly string[]
  readonly destination?: DestinationStream
}

export async function createLogger(options: LogOptions): Promise<Logger> {
  const out =
    options.destination ??
    (options.pretty ? await prettyStderr() : pino.destination({ fd: 2, sync: true }))
  const masked = maskingStream(out, options.secrets ?? [])
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: serializeError },
    },
    masked,
  )
}

/** A logger that writes nothing, for tests and for the library. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}

/** Masks each secret in a text, also as it looks inside a JSON string. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  let masked = text
  for (const secret of secrets) {
    if (secret.length < 4) continue
    masked = masked
      .replaceAll(secret, '[secret]')
      .replaceAll(JSON.stringify(secret).slice(1, -1), '[secret]')
  }
  return masked
}

/**
 * Makes foreign text safe for a terminal: control characters (C0, DEL, C1) and the bidirectional
 * overrides become visible escapes, so that an indicator can neither move the cursor nor hide itself.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function serializeError(error: Error): unknown {
  if (!(error instanceof TiplineError)) return stdSerializers.err(error)
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  return { type: error.name, message: error.message, hint: error.hint, cause }
}

function maskingStream(out: DestinationStream, secrets: readonly string[]): DestinationStream {
  if (secrets.length === 0) return out
  return { write: (line: string) => out.write(maskSecrets(line, secrets)) }
}

async function prettyStderr(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination: 2,
    sync: true,
    colorize: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
  })
}
