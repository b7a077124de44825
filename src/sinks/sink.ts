/**
 * The contract between ship (in sync/) and a sink. Ship is the only caller; it calls one method at a
 * time, from one process at a time (it holds the ledger's ship lock).
 */
import type { Space } from '../indicators/indicator.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'

/** One attribute that carries an indicator, as a sink may tell of it. Times are epoch seconds. */
export interface Carrier {
  /** MISP's id of the event in that source; a feed has none, then it is ''. */
  readonly eventId: string
  readonly eventUuid: string
  readonly eventInfo: string
  readonly attributeUuid: string
  /** MISP's type as it was, e.g. `ip-dst|port`. */
  readonly type: string
  /** 0 where there is none. */
  readonly port: number
  /** Names of the attribute's and its event's tags, without doubles. */
  readonly tags: readonly string[]
  /** Of the event: 1 high, 2 medium, 3 low, 4 undefined; 0: the source does not say. */
  readonly threatLevel: number
  /** The source's name; where several sources have the event, the first in the config. */
  readonly source: string
  readonly timestamp: number
  readonly firstSeen: number | null
  readonly lastSeen: number | null
  /** When the indicator went live through this attribute. */
  readonly liveSince: number
}

/**
 * The full present state of one lookup key. No carriers: the key is to be absent.
 * Carriers come newest first (timestamp, then attribute uuid).
 */
export interface KeyState {
  readonly space: Space
  readonly value: string
  readonly carriers: readonly Carrier[]
}

/** How far a sink has got, and with whom: kept in the sink itself and in the ledger. */
export interface Position {
  /** The ledger's id. */
  readonly ledger: string
  /** The change number up to which this sink holds the ledger's state. */
  readonly seq: number
  /** Fingerprint of the sink's settings; a sink that was set up otherwise is rebuilt. */
  readonly settings: string
}

/** What is told with every good cycle, changed or not. Times are epoch seconds. */
export interface Heartbeat {
  readonly at: number
  readonly sources: readonly { readonly name: string; readonly lastGoodSync: number | null }[]
  /** Live lookup keys by space. */
  readonly keys: Readonly<Record<Space, number>>
  /** Prefix lengths of the live nets, rising; absent: not known, what the sink has stays. */
  readonly netLengths?: { readonly v4: readonly number[]; readonly v6: readonly number[] }
}

export interface Health {
  readonly ok: boolean
  /** One line each, for `tipline doctor`. */
  readonly findings: readonly {
    readonly level: 'ok' | 'warn' | 'error'
    readonly message: string
    readonly hint?: string
  }[]
}

export interface Verification {
  readonly checked: number
  readonly missing: number
  readonly different: number
}

/** What a rebuild would do, in keys of the sink. */
export interface Comparison {
  readonly same: number
  readonly added: number
  readonly changed: number
  /** null: it can't list what it holds. */
  readonly removed: number | null
  /** A few of each. */
  readonly examples: {
    readonly added: readonly { readonly key: string; readonly value: string }[]
    readonly changed: readonly {
      readonly key: string
      readonly from: string
      readonly to: string
    }[]
    readonly removed: readonly { readonly key: string }[]
  }
}

/** Who opens a sink, as the ledger knows it. */
export interface Asker {
  /** The ledger's id. */
  readonly ledger: string
  /** How far the ledger's cursor for this sink is; null: this ledger has never written to it. */
  readonly seq: number | null
}

/** What every sink is made with. */
export interface SinkDeps {
  readonly log: Logger
  readonly metrics: Metrics
  /**
   * Names of the sources in the config. With several, a value also names its source; sinks of rows take
   * away no other source's rows.
   */
  readonly sourceNames: readonly string[]
  /** Absolute; where the embedded engine keeps its data. */
  readonly dataDir: string
  /** One's own networks: name to nets in normal form. Sinks that match tell which a hit lies in. */
  readonly networks?: Readonly<Record<string, readonly string[]>>
  /** How long hits are kept, in seconds; null: for ever. */
  readonly keepHits?: number | null
  /** Now, as epoch seconds. */
  readonly clock: () => number
}

export interface Sink {
  /** The name in the config and of the cursor, e.g. `memcached`. */
  readonly name: string
  /** Fingerprint of everything in the settings that changes what is written. */
  readonly settings: string
  /**
   * True: it can't list what it holds. `rebuild` and `repair` are then given every key that was ever
   * live, without carriers where it is to be absent.
   */
  readonly blind?: boolean
  /** True: it wants nets of up to 256 addresses also as addresses, each with all that it lies in. */
  readonly spellsNets?: boolean

  /**
   * Connects; answers the position the sink itself remembers, null if it remembers none (new, flushed,
   * restarted). May be called again, and has to be after a SinkUnavailable: a server that was gone may
   * come back empty, and until then every call fails.
   *
   * A sink of several parts (servers) opens when one of them can be reached. It answers the position
   * that the asker expects where one part has it; parts that have not are its strays.
   * @throws SinkUnavailable
   */
  open(signal: AbortSignal, asker?: Asker): Promise<Position | null>

  /**
   * Makes each key as its state says. All or throw; repeating it does no harm. Each key is in a batch
   * once. @throws SinkUnavailable nothing is promised about the batch, it comes again
   * @throws SinkRejected all but the named items are in place
   * @throws the signal's reason when that is aborted; nothing is promised either
   */
  apply(states: readonly KeyState[], signal: AbortSignal): Promise<void>

  /** Remembers a position in the sink, after every apply up to it has returned. @throws SinkUnavailable */
  remember(position: Position): Promise<void>

  /**
   * Tells readers how fresh the sink is. The only write of a cycle without changes. The last call of a
   * cycle: a part that could not be reached in all of it is told of now, when the others have all.
   * @throws SinkUnavailable
   */
  beat(heartbeat: Heartbeat): Promise<void>

  /**
   * From nothing: afterwards the sink holds exactly `states`, as far as keys of ours go. Takes away
   * only what is ours; with no state at all it takes away nothing. A key may come again in a later
   * batch: its last state holds. Until `remember` the sink has no position, so that a rebuild cut short
   * is begun again. @throws like apply
   */
  rebuild(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<void>

  /**
   * Compares the sink with these states and changes nothing. A part in which something is missing or
   * different is a stray from then on. @throws SinkUnavailable
   */
  verify(states: readonly KeyState[]): Promise<Verification>

  /**
   * Why parts of the sink do not hold what its position says, or null. Asked after `verify`; a sink
   * without this is rebuilt whole where `verify` found something.
   */
  strays?(): string | null

  /** Like `rebuild`, of the strays alone. @throws like apply */
  repair?(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<void>

  /** What the user has to see to, one line each: the sink can't hold all it is given. */
  alarms?(): readonly string[]

  /** What a rebuild with these states would do; changes nothing. @throws SinkUnavailable */
  compare?(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<Comparison>

  /** Needs no open. Never throws: what is wrong is in the findings. `ledger`: the id of the one that asks. */
  check(ledger?: string): Promise<Health>

  /** Safe at any time, more than once. */
  close(): Promise<void>
}
