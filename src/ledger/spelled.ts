/**
 * Which live nets are also spelled out as addresses: those of up to 256 addresses, the oldest first,
 * until there are 200,000 addresses. Kept in the ledger and changed in the transaction in which a net
 * goes live or stops, so that it is one truth for every sink and cursor. Where room was made, nets that
 * wait get in; the change log names them then.
 */
import { smallNetsAround } from '../indicators/small-nets.js'
import type { Database, Statement } from './sqlite.js'

/** Addresses in all; those in two nets count twice. */
export const MOST_SPELLED = 200_000

const LENGTH = `CAST(substr(value, instr(value, '/') + 1) AS INTEGER)`
/** Addresses of a net; NULL for more than 256. */
const ADDRESSES = `CASE WHEN instr(value, ':') > 0
    THEN CASE WHEN ${LENGTH} >= 120 THEN 1 << (128 - ${LENGTH}) END
    ELSE CASE WHEN ${LENGTH} >= 24 THEN 1 << (32 - ${LENGTH}) END END`

/** A net that is spelled out no more keeps its row, so that its addresses are taken out of the sinks. */
export const SPELLED_TABLE = `
CREATE TABLE spelled (
  rev INTEGER PRIMARY KEY AUTOINCREMENT,
  net TEXT NOT NULL UNIQUE,
  addresses INTEGER NOT NULL            -- 0: no more
) STRICT;
`

const WAITING = `
  SELECT value AS net, ${ADDRESSES} AS addresses, min(id) AS id FROM indicator
  WHERE space = 'net' AND live_since IS NOT NULL AND ${ADDRESSES} IS NOT NULL
    AND value NOT IN (SELECT net FROM spelled WHERE addresses > 0)
  GROUP BY value`

const LEAVE = `
  INSERT OR REPLACE INTO spelled (net, addresses)
  SELECT DISTINCT s.net, 0 FROM turned t CROSS JOIN indicator k ON k.id = t.indicator
  CROSS JOIN spelled s ON s.net = k.value AND s.addresses > 0
  WHERE t.space = 'net' AND NOT EXISTS (
    SELECT 1 FROM indicator i WHERE i.space = 'net' AND i.value = s.net AND i.live_since IS NOT NULL)`

/** Also fills the table of a ledger that had none. */
export const ENTER = `
  INSERT OR REPLACE INTO spelled (net, addresses)
  SELECT net, addresses FROM (
    SELECT net, addresses, id, sum(addresses) OVER (ORDER BY id) AS upto FROM (${WAITING}))
  WHERE upto <= ${MOST_SPELLED} - (SELECT coalesce(sum(addresses), 0) FROM spelled)
  ORDER BY id`

const LOG_ENTERED = `
  INSERT INTO change (indicator)
  SELECT i.id FROM spelled s CROSS JOIN indicator i ON i.space = 'net' AND i.value = s.net
  WHERE s.rev > ? AND s.addresses > 0 AND i.id NOT IN (SELECT indicator FROM touched)`

/** Part of settle: `turned` and `touched` are filled, and indicators have been turned. */
export function settleSpelled(db: Database): void {
  if (!db.prepare(`SELECT 1 FROM turned WHERE space = 'net' LIMIT 1`).get()) return
  db.exec(LEAVE)
  const before = lastRev(db)
  db.exec(ENTER)
  db.prepare(LOG_ENTERED).run(before)
}

/** Rows of nets that are spelled out no more, once every sink has passed the change. */
export function pruneSpelled(db: Database): void {
  db.exec(`
    DELETE FROM spelled WHERE addresses = 0 AND NOT EXISTS (
      SELECT 1 FROM change c JOIN indicator i ON i.id = c.indicator
      WHERE i.space = 'net' AND i.value = spelled.net)`)
}

/** Live nets of up to 256 addresses for which there was no room. */
export function unspelledNets(db: Database): number {
  const row = db.prepare(`SELECT count(*) AS n FROM (${WAITING})`).get() as { n: number }
  return row.n
}

function lastRev(db: Database): number {
  const row = db.prepare('SELECT coalesce(max(rev), 0) AS rev FROM spelled').get()
  return (row as { rev: number }).rev
}

/** The table as a reader's snapshot has it, kept from one to the next. */
export class SpelledNets {
  readonly #news: Statement
  readonly #live = new Set<string>()
  readonly #gone = new Set<string>()
  #rev = 0

  constructor(db: Database) {
    this.#news = db.prepare('SELECT rev, net, addresses FROM spelled WHERE rev > ? ORDER BY rev')
  }

  /** Once in each snapshot. */
  refresh(): void {
    const rows = this.#news.all(this.#rev) as { rev: number; net: string; addresses: number }[]
    for (const { rev, net, addresses } of rows) {
      this.#rev = rev
      const [to, from] = addresses > 0 ? [this.#live, this.#gone] : [this.#gone, this.#live]
      to.add(net)
      from.delete(net)
    }
  }

  get live(): ReadonlySet<string> {
    return this.#live
  }

  /** Whether the addresses of a net may stand in a sink. */
  has(net: string): boolean {
    return this.#live.has(net) || this.#gone.has(net)
  }

  /** Those that hold the address. */
  around(address: string): string[] {
    if (this.#live.size === 0) return []
    return [...smallNetsAround(address)].filter((net) => this.#live.has(net))
  }
}
