/**
 * What the API needs of the process around it; the daemon gives it. What a call of it may throw is told
 * by `problems.ts`; anything else is a bug and answered with 500.
 */
import type { Watched } from '../flows/folders.js'
import type { Tellings } from '../hits/status.js'
import type { HitStores } from '../hits/stores.js'
import type { Logger } from '../log.js'
import type { BackscanReport } from '../match/backscan/backscan.js'
import type { PresentVerdict } from '../match/documents.js'
import type { Knowledge } from '../match/explain.js'
import type { Metrics } from '../metrics.js'
import type { Outages } from '../outage.js'

export interface Backend {
  /** The folder of the ledger. Absolute. */
  readonly dataDir: string
  /** Names that the config has. */
  readonly sources: readonly string[]
  readonly sinks: readonly string[]
  readonly tellings: Tellings
  /** Hits, and of each source where its MISP is reached by a browser. Closed by whoever opened them. */
  readonly hits: HitStores
  /** Folders of nfcapd files that are imported. */
  readonly watch: readonly Watched[]
  /** What fails now, and who tells of it. */
  readonly outages: Outages
  readonly metrics: Metrics
  readonly log: Logger
  /** Of commands that are proposed: ` -c FILE`, or nothing. */
  readonly configArgument: string
  /** Asked by supervisors every few seconds, so it answers from memory. */
  readiness(): Readiness
  /** What the policy in force says of what is not (yet) judged by it. */
  verdicts(knowledge: Knowledge): readonly PresentVerdict[]
  /**
   * Resolves when a whole cycle that began after the call is done, with what `tipline sync --json`
   * says. One that is asked for twice while another is under way is done once.
   * @throws UsageError at once, for an id of nothing that is withheld
   */
  sync(request: SyncRequest): Promise<object>
  /** One at a time. @throws ClickHouseError; UsageError where there is no ClickHouse */
  backscan(request: BackscanRequest): Promise<BackscanReport>
}

export interface Readiness {
  /** False while it starts and while it stops. */
  readonly ready: boolean
  /** What it waits for, one short sentence; empty where it is ready. Told to anybody: no names. */
  readonly why: string
}

export interface SyncRequest {
  /** Ids of what the guard withholds. */
  readonly accept: readonly string[]
}

export interface BackscanRequest {
  /** How far into the past. */
  readonly seconds: number
  /** Only indicators of this address or net; null: all. */
  readonly value: string | null
}
