/** Takes what concerns some values (an address, a user) out of everything that alerts keep. */
import { type Database, inTransaction } from '../../ledger/sqlite.js'
import type { Alert, Sight } from './alert.js'

/** How many pairs, sights and messages were touched. A message that was being sent is no longer. */
export function purgeAlerts(db: Database, values: readonly string[]): number {
  const wanted = new Set(values)
  return inTransaction(
    db,
    () => purgePairs(db, wanted) + purgeWaiting(db, wanted) + purgeQueue(db, wanted),
  )
}

function purgePairs(db: Database, wanted: ReadonlySet<string>): number {
  const rows = db.prepare('SELECT channel, pair FROM alert_pair').all() as {
    channel: string
    pair: string
  }[]
  const remove = db.prepare('DELETE FROM alert_pair WHERE channel = ? AND pair = ?')
  const meant = rows.filter(({ pair }) => {
    const [, value = '', place = ''] = JSON.parse(pair) as string[]
    return wanted.has(value) || wanted.has(place.slice(place.indexOf(' ') + 1))
  })
  for (const { channel, pair } of meant) remove.run(channel, pair)
  return meant.length
}

function purgeWaiting(db: Database, wanted: ReadonlySet<string>): number {
  const rows = db.prepare('SELECT channel, pair, sight FROM alert_waiting').all() as {
    channel: string
    pair: string
    sight: string
  }[]
  const remove = db.prepare('DELETE FROM alert_waiting WHERE channel = ? AND pair = ?')
  const meant = rows.filter(({ sight }) => concerns(JSON.parse(sight) as Sight, wanted))
  for (const { channel, pair } of meant) remove.run(channel, pair)
  return meant.length
}

function purgeQueue(db: Database, wanted: ReadonlySet<string>): number {
  const rows = db.prepare(`SELECT number, body FROM alert WHERE body != ''`).all() as {
    number: number
    body: string
  }[]
  const keep = db.prepare('UPDATE alert SET body = ? WHERE number = ?')
  const drop = db.prepare(
    `UPDATE alert SET state = 'dropped', body = '', reason = 'purged' WHERE number = ?`,
  )
  let touched = 0
  for (const { number, body } of rows) {
    const alert = JSON.parse(body) as Alert
    const sights = alert.sights.filter((sight) => !concerns(sight, wanted))
    if (sights.length === alert.sights.length) continue
    touched += 1
    if (sights.length === 0) drop.run(number)
    else keep.run(JSON.stringify({ ...alert, sights }), number)
  }
  return touched
}

function concerns({ indicator, inside, observable }: Sight, wanted: ReadonlySet<string>): boolean {
  return [indicator.value, inside, observable].some((value) => wanted.has(value))
}
