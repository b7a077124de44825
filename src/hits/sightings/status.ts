/** How far each MISP has been told: for status and metrics. */
import type { Database } from '../../ledger/sqlite.js'

export interface SightingStatus {
  readonly source: string
  /** Whether the config has it told. */
  readonly inConfig: boolean
  /** Gathered or on their way. */
  readonly pending: number
  /** Epoch milliseconds: when the oldest of them was begun; null: there is none. */
  readonly oldest: number | null
  /** Of those that are kept (`keep.hits`): stored by MISP. */
  readonly sent: number
  /** Answered with a 200, and not stored. */
  readonly refused: number
  /** Too strict for `max_tlp`. */
  readonly withheld: number
  /** Why the last one was refused; empty: none was. */
  readonly reason: string
  /** Epoch milliseconds: when one was last sent and stored; null: never. */
  readonly lastSent: number | null
}

/** Those of the config, and others of which something is still kept. */
export function sightingStatuses(
  db: Database | null,
  sources: readonly string[],
): SightingStatus[] {
  const rows = db === null ? [] : readRows(db)
  const names = new Set([...sources, ...rows.map(({ source }) => source)])
  return [...names].map((source) => ({
    ...(rows.find((row) => row.source === source) ?? { source, ...NOTHING }),
    inConfig: sources.includes(source),
  }))
}

type Row = Omit<SightingStatus, 'inConfig'>

const NOTHING = {
  pending: 0,
  oldest: null,
  sent: 0,
  refused: 0,
  withheld: 0,
  reason: '',
  lastSent: null,
}

function readRows(db: Database): Row[] {
  return db
    .prepare(
      `SELECT source,
         count(*) FILTER (WHERE state IN ('open', 'sending')) AS pending,
         min(opened) FILTER (WHERE state IN ('open', 'sending')) AS oldest,
         count(*) FILTER (WHERE state = 'stored') AS sent,
         count(*) FILTER (WHERE state = 'refused') AS refused,
         count(*) FILTER (WHERE state = 'withheld') AS withheld,
         coalesce((SELECT reason FROM sighting r WHERE r.source = s.source AND r.state = 'refused'
           ORDER BY r.tried DESC, r.id DESC LIMIT 1), '') AS reason,
         max(tried) FILTER (WHERE state = 'stored') AS lastSent
       FROM sighting s GROUP BY source ORDER BY source`,
    )
    .all() as unknown as Row[]
}
