/**
 * The keys of all that is live, in a memory that threads share; it follows the ledger. Keys are only
 * ever added: of what was revoked a trace stays until all is loaded anew, but the ledger is asked before
 * anything counts as a hit.
 */
import type { Space } from '../../indicators/indicator.js'
import {
  inSnapshot,
  liveSpaces,
  packedKeys,
  packedKeysOf,
  reachesBack,
} from '../../ledger/live-keys.js'
import type { FieldMap } from './field-map.js'
import { Scan } from './scan.js'
import { createScanMemory, keysIn, type ScanMemory } from './scan-memory.js'
import { type ScanPlan, scanPlan } from './scan-plan.js'
import type { States } from './states.js'

/** What a thread needs to take part; can be sent to it. */
export interface SharedIndex extends ScanMemory {
  readonly plan: ScanPlan
}

export interface KeyIndexOptions {
  readonly states: States
  readonly fields: FieldMap
  readonly threads: number
}

/** Told where the keys will be, before they are read: other threads make themselves ready meanwhile. */
type Announce = (shared: SharedIndex) => void

export class KeyIndex {
  readonly #options: KeyIndexOptions
  #shared: SharedIndex
  #scan: Scan
  #live: ReadonlySet<Space>
  #seq: number

  /** Reads all live keys. What is loaded anew later is not announced: that may fail, and this go on. */
  constructor(options: KeyIndexOptions, announce?: Announce) {
    this.#options = options
    const { shared, scan, live, seq } = inSnapshot(options.states.db, () => load(options, announce))
    this.#shared = shared
    this.#scan = scan
    this.#live = live
    this.#seq = seq
  }

  /** Another one than before, where all was loaded anew. */
  get shared(): SharedIndex {
    return this.#shared
  }

  /** The ledger's last change that is in here. */
  get seq(): number {
    return this.#seq
  }

  /** In its own thread's place, for whoever matches there. */
  get scan(): Scan {
    return this.#scan
  }

  /**
   * Takes over what changed in the ledger, by the change log where that still tells all. Where that fails, as
   * for want of memory, it is tried again when next asked, though nobody may write to the ledger until then.
   */
  follow(): void {
    const { states } = this.#options
    try {
      inSnapshot(states.db, () => this.#followTo(states.head()))
    } catch (error) {
      states.unsee()
      throw error
    }
  }

  #followTo(head: number): void {
    if (head === this.#seq) return
    if (this.#fits(head)) this.#catchUp(head)
    else this.#loadAnew()
  }

  /** A change can bring two keys: a URL and its host. */
  #fits(head: number): boolean {
    const { db } = this.#options.states
    const { spaces } = liveSpaces(db)
    const isSame =
      spaces.size === this.#live.size && [...spaces].every((one) => this.#live.has(one))
    const hasRoom = keysIn(this.#shared) + 2 * (head - this.#seq) <= this.#shared.room
    return isSame && hasRoom && reachesBack(db, this.#seq)
  }

  #catchUp(head: number): void {
    const range = { after: this.#seq, upTo: head }
    packedKeysOf(this.#options.states.db, range, (keys) => this.#scan.addKeys(keys))
    this.#seq = head
  }

  #loadAnew(): void {
    const { shared, scan, live, seq } = load(this.#options)
    this.#shared = shared
    this.#scan = scan
    this.#live = live
    this.#seq = seq
  }
}

/** In a snapshot, so that the room that is made is enough. */
function load({ states, fields, threads }: KeyIndexOptions, announce?: Announce) {
  const { spaces, keys, urls } = liveSpaces(states.db)
  const plan = scanPlan(fields, spaces)
  const shared = { ...createScanMemory(SPARE * (keys + urls), threads), plan }
  const scan = new Scan(shared, 0)
  scan.writePlan(plan)
  announce?.(shared)
  packedKeys(states.db, (packed) => scan.addKeys(packed))
  return { shared, scan, live: spaces, seq: states.head() }
}

/** Room for what comes while it runs. */
const SPARE = 1.1
