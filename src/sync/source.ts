/** What pull needs of a source, whatever it is. */
import type { Window } from '../ledger/judge.js'
import type { KnownEvent } from '../ledger/sources.js'
import type { CompiledFilters } from './filters.js'
import type { LargeEvents } from './large-events.js'
import type { Stage } from './stage.js'

/** What is asked for. Only `whole` can tell what is gone. */
export type Pass =
  | { readonly kind: 'whole' }
  /** What was edited or published since, by the source's clock: cheap. */
  | { readonly kind: 'recent'; readonly since: number }
  /** These events, where they differ from what is known. */
  | { readonly kind: 'named'; readonly events: readonly string[] }
  /** These events, though nothing says that they changed. */
  | { readonly kind: 'again'; readonly events: readonly string[] }

export interface ReadRequest {
  /** A source without `knowsPasses` reads everything, whatever is asked for. */
  readonly pass: Pass
  /** Events too large to be read whole every time; absent: all are read whole. */
  readonly large?: LargeEvents | undefined
  /** Everything is asked for seldom: what could not be read is tried again each time. */
  readonly persists?: boolean | undefined
  readonly stage: Stage
  readonly known: readonly KnownEvent[]
  /** The config asks for something else than at the last pull: everything is read anew. */
  readonly settingsChanged: boolean
  /** How long an event may be missing before it counts as gone, in seconds. */
  readonly absentGrace: number
  readonly progress: Progress
  readonly signal: AbortSignal
}

export interface Answer {
  /** The source's clock, epoch seconds. */
  readonly at: number
  /** Nothing is different from what is known; nothing has been staged. */
  readonly unchanged: boolean
  /**
   * Events that are not in the answer; with the grace not over some are not departures yet. null: only a
   * part of the source was looked at, or could be read, which says nothing of the rest.
   */
  readonly missing: readonly string[] | null
  /** The answer is the whole wanted state: what is not staged departs. */
  readonly whole: boolean
  /** Rows older than this have left the window that was asked for. */
  readonly window?: Window
  /**
   * Where pages may have drifted: stages what of these attributes, which the answer did not hold, is
   * there all the same.
   */
  readonly confirm?: (uuids: readonly string[]) => Promise<void>
  /** What could not be read, one line each; the rest went on. */
  readonly warnings: readonly string[]
}

/** Called often; `total` is 0 while it is not known. */
export type Progress = (done: number, total: number) => void

export interface Source {
  readonly name: string
  /** Fingerprint of what it is asked for. */
  readonly settings: string
  readonly filters: CompiledFilters
  readonly types: readonly string[]
  readonly knowsPasses?: boolean
  /** Stages what differs. @throws SourceError: nothing of the answer counts */
  read(request: ReadRequest): Promise<Answer>
  /** Who asks (role and organisation); null where a source has no such thing. */
  identity(signal: AbortSignal): Promise<string | null>
  close(): Promise<void>
}
