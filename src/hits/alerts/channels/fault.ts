/** What went wrong on the way to a receiver, in the words that every channel shares. */
import { ChannelUnavailable, TiplineError, UsageError } from '../../../errors.js'
import { maskSecrets, printable } from '../../../log.js'
import { certificateHint, networkFault } from '../../../net.js'
import { plain } from '../foreign.js'

/** What a receiver answered, fit to be shown: it may be long, odd, or hold what we sent. */
export function answerText(text: string, secrets: readonly (string | undefined)[]): string {
  const known = secrets.filter((secret) => secret !== undefined)
  return plain(maskSecrets(text, known), 200)
}

const MEANINGS = {
  unreachable: { what: "can't be reached", hint: 'is it running, and is the way to it open?' },
  tls: {
    what: 'shows a certificate that is not trusted, or speaks no TLS there',
    hint: 'check port and security',
  },
  timeout: {
    what: 'does not answer in time',
    hint: 'is it overloaded? `timeout` is in the config',
  },
  cut: { what: 'broke off the connection', hint: 'it is tried again' },
  'not-http': { what: 'speaks no HTTP there', hint: 'check host and port' },
} as const

export type Fault = keyof typeof MEANINGS

interface FaultFacts {
  readonly cause?: unknown
  readonly code?: string | undefined
  /** The authority that the settings of the channel name. */
  readonly caFile?: string | undefined
}

export function faulty(channel: string, fault: Fault, { cause, code, caFile }: FaultFacts = {}) {
  const { what, hint: usual } = MEANINGS[fault]
  const hint = certificateHint(code, caFile) ?? usual
  const known = code === undefined ? '' : ` (${printable(code)})`
  return new ChannelUnavailable({ channel, what: `${channel} ${what}${known}`, hint, cause })
}

interface Sending {
  readonly channel: string
  readonly caFile?: string | undefined
  readonly signal: AbortSignal
  readonly deadline: AbortSignal
}

/** Errors of ours stay as they are; what is neither ours nor the network's is a bug, and thrown as one. */
export function translated(
  error: unknown,
  { channel, caFile, signal, deadline }: Sending,
): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof TiplineError) return error
  if (deadline.aborted) return faulty(channel, 'timeout', { cause: error })
  const found = networkFault(error)
  return found ? faulty(channel, found.fault, { cause: error, code: found.code, caFile }) : error
}

/** What is read from files: these may be missing half-way through a renewal. @throws ChannelUnavailable */
export function fromFiles<T>(channel: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    const { message, hint } = cause
    const what = `${channel}: ${printable(message)}`
    throw new ChannelUnavailable({ channel, what, ...(hint && { hint }), cause })
  }
}
