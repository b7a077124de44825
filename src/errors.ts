/**
 * Every error that tipline means to throw. A class carries data: what failed, on which thing, what to
 * do next. Callers look at the class, never into the text. Anything else that is thrown is a bug.
 */

/**
 * Exit statuses of the command line. Where several apply, the order is 2, 4, 3, 1. 70 is that of
 * sysexits.h for a fault of the program itself; the last two are what shells know: 128 and the number of
 * the signal.
 */
export const EXIT = {
  done: 0,
  nothing: 1,
  usage: 2,
  outside: 3,
  frozen: 4,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

export interface ErrorFacts {
  /** What failed, in one sentence without a full stop. Never holds a secret or a raw foreign value. */
  readonly what: string
  /** What the user can do next. */
  readonly hint?: string
  readonly cause?: unknown
}

export abstract class TiplineError extends Error {
  abstract readonly exitStatus: ExitStatus
  readonly hint: string | undefined

  constructor({ what, hint, cause }: ErrorFacts) {
    super(what, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.hint = hint
  }
}

/** The command line was used wrongly. */
export class UsageError extends TiplineError {
  readonly exitStatus = EXIT.usage
}

export interface ConfigProblem {
  /** 1-based; absent when the problem has no place in the file. */
  readonly line?: number
  readonly column?: number
  /** Dotted path of the key, e.g. `sources.0.url`. */
  readonly key?: string
  readonly message: string
  readonly hint?: string
}

/** The config can't be used; lists every problem found, not only the first. */
export class ConfigError extends TiplineError {
  readonly exitStatus = EXIT.usage
  readonly file: string
  readonly problems: readonly ConfigProblem[]

  constructor(facts: ErrorFacts & { file: string; problems: readonly ConfigProblem[] }) {
    super(facts)
    this.file = facts.file
    this.problems = facts.problems
  }
}

/** Why a source gave no believable answer. */
export type SourceFault =
  | 'unreachable'
  | 'tls'
  | 'forbidden'
  | 'maintenance'
  | 'rate-limited'
  | 'server-error'
  | 'not-misp'
  | 'cut'
  | 'timeout'
  | 'not-found'
  | 'integrity'

/** A MISP or a feed could not be read; nothing has been changed anywhere. */
export class SourceError extends TiplineError {
  readonly exitStatus = EXIT.outside
  readonly source: string
  readonly fault: SourceFault
  readonly status: number | undefined

  constructor(facts: ErrorFacts & { source: string; fault: SourceFault; status?: number }) {
    super(facts)
    this.source = facts.source
    this.fault = facts.fault
    this.status = facts.status
  }
}

/** A sink can't be reached now; ship retries with backoff, the cursor stays where it was. */
export class SinkUnavailable extends TiplineError {
  readonly exitStatus = EXIT.outside
  readonly sink: string

  constructor(facts: ErrorFacts & { sink: string }) {
    super(facts)
    this.sink = facts.sink
  }
}

export interface RejectedItem {
  /** The lookup key (or attribute) as the ledger names it. */
  readonly item: string
  readonly reason: string
}

/** A sink took all but these items; ship sets them aside with the reason and goes on. */
export class SinkRejected extends TiplineError {
  readonly exitStatus = EXIT.outside
  readonly sink: string
  readonly items: readonly RejectedItem[]

  constructor(facts: ErrorFacts & { sink: string; items: readonly RejectedItem[] }) {
    super(facts)
    this.sink = facts.sink
    this.items = facts.items
  }
}

/** Why ClickHouse, a server or the embedded engine, did not do what was asked. */
export type ClickHouseFault =
  | 'unreachable'
  | 'tls'
  | 'timeout'
  | 'authentication'
  | 'denied'
  | 'missing'
  | 'schema'
  | 'full'
  | 'read-only'
  | 'overloaded'
  | 'too-old'
  | 'refused'

/** ClickHouse could not do something; what it did before stays as it is. */
export class ClickHouseError extends TiplineError {
  readonly exitStatus = EXIT.outside
  readonly fault: ClickHouseFault
  /** ClickHouse's own number, e.g. 60; 0 where it gave none. */
  readonly code: number

  constructor(facts: ErrorFacts & { fault: ClickHouseFault; code?: number }) {
    super(facts)
    this.fault = facts.fault
    this.code = facts.code ?? 0
  }
}

/** A file of flows can't be read whole; it is set aside, and the work goes on with the others. */
export class FlowFileError extends TiplineError {
  readonly exitStatus = EXIT.nothing
  readonly file: string

  constructor(facts: ErrorFacts & { file: string }) {
    super(facts)
    this.file = facts.file
  }
}

/** nfdump could not be run to its end, and not because of the file, which is tried again. */
export class NfdumpError extends TiplineError {
  readonly exitStatus = EXIT.outside
}

/** The ledger can't be opened, is newer than this tipline, or is held by another process. */
export class LedgerError extends TiplineError {
  readonly exitStatus: ExitStatus = EXIT.outside
}

/** Another process holds the lock; says which. */
export class LedgerBusy extends LedgerError {
  readonly pid: number | undefined

  constructor(facts: ErrorFacts & { pid: number | undefined }) {
    super(facts)
    this.pid = facts.pid
  }
}

/** The store of hits can't be opened, read or written, or is newer than this tipline. */
export class HitsError extends TiplineError {
  readonly exitStatus = EXIT.outside
}

/** The daemon of the data folder does not answer, or could not do what was asked. */
export class DaemonError extends TiplineError {
  readonly exitStatus = EXIT.outside
}

/** A file of logs, or stdin, can't be read to its end. */
export class InputError extends TiplineError {
  readonly exitStatus = EXIT.outside
}

/** A channel of alerts can't be used now, or not as it is set up; its messages wait and are tried again. */
export class ChannelUnavailable extends TiplineError {
  readonly exitStatus = EXIT.outside
  readonly channel: string
  /** How long the receiver asked to be left alone; milliseconds. */
  readonly afterMs: number | undefined

  constructor(facts: ErrorFacts & { channel: string; afterMs?: number | undefined }) {
    super(facts)
    this.channel = facts.channel
    this.afterMs = facts.afterMs
  }
}

/** The receiver of a channel will never take this one message; it is parked with the reason. */
export class AlertRefused extends TiplineError {
  readonly exitStatus = EXIT.outside
  readonly channel: string

  constructor(facts: ErrorFacts & { channel: string }) {
    super(facts)
    this.channel = facts.channel
  }
}

/** The work was stopped by SIGINT or SIGTERM; what was done so far is consistent. */
export class Interrupted extends TiplineError {
  readonly exitStatus: ExitStatus
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(facts: ErrorFacts & { signal: 'SIGINT' | 'SIGTERM' }) {
    super(facts)
    this.signal = facts.signal
    this.exitStatus = facts.signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
  }
}

/** The API can not listen where the config says. */
export class ListenError extends TiplineError {
  readonly exitStatus = EXIT.outside
}

/** Why the API refuses a request or can't answer it; `docs/reference/problems.md` tells of each. */
export type Refusal =
  | 'invalid-request'
  | 'unauthorized'
  | 'forbidden'
  | 'cross-site'
  | 'not-found'
  | 'too-slow'
  | 'busy'
  | 'too-large'
  | 'unsupported-media-type'
  | 'wrong-host'
  | 'too-many-requests'
  | 'internal'
  | 'unavailable'
  | 'not-ready'

/** The API refuses a request; the caller is told why, as RFC 9457 has it. */
export class RequestRefused extends TiplineError {
  readonly exitStatus = EXIT.usage
  readonly refusal: Refusal
  /** That go with the answer, e.g. `retry-after`. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    facts: ErrorFacts & { refusal: Refusal; headers?: Readonly<Record<string, string>> },
  ) {
    super(facts)
    this.refusal = facts.refusal
    this.headers = facts.headers ?? {}
  }
}
