/** Takes what is to be forgotten, or is old enough, out of everything that alerts keep. */
import { type Database, inTransaction } from '../../ledger/sqlite.js'
import type { Alert, Sight } from './alert.js'

/** Whether a text is the address, name or user that is to be erased. */
type IsMeant = (text: string) => boolean

/** How many pairs, sights and messages were touched. A message that was being sent is no longer. */
export function purgeAlerts(db: Database, isMeant: IsMeant): number {
  return inTransaction(
    db,
    () => purgePairs(db, isMeant) + purgeWaiting(db, isMeant) + purgeQueue(db, isMeant),
  )
}

/**
 * What was met before this (epoch milliseconds) is told to nobody any more, and kept nowhere: a receiver
 * may be down for as long as hits are kept, and what it refused be forgotten.
 */
export function pruneAlerts(db: Database, before: number): void {
  const isOld = ({ last }: Sight) => last < before
  inTransaction(db, () => {
    takeOutOfDigests(db, isOld)
    takeOutOfQueue(db, isOld, 'older than keep.hits')
  })
}

function purgePairs(db: Database, isMeant: IsMeant): number {
  const rows = db.prepare('SELECT channel, pair FROM alert_pair').all() as {
    channel: string
    pair: string
  }[]
  const remove = db.prepare('DELETE FROM alert_pair WHERE channel = ? AND pair = ?')
  const meant = rows.filter(({ pair }) => {
    const [, value = '', place = ''] = JSON.parse(pair) as string[]
    return isMeant(value) || isMeant(place.slice(place.indexOf(' ') + 1))
  })
  for (const { channel, pair } of meant) remove.run(channel, pair)
  return meant.length
}

function purgeWaiting(db: Database, isMeant: IsMeant): number {
  return takeOutOfDigests(db, (sight) => concerns(sight, isMeant))
}

function purgeQueue(db: Database, isMeant: IsMeant): number {
  return takeOutOfQueue(db, (sight) => concerns(sight, isMeant), 'purged')
}

function takeOutOfDigests(db: Database, goes: (sight: Sight) => boolean): number {
  const rows = db.prepare('SELECT channel, pair, sight FROM alert_waiting').all() as {
    channel: string
    pair: string
    sight: string
  }[]
  const remove = db.prepare('DELETE FROM alert_waiting WHERE channel = ? AND pair = ?')
  const meant = rows.filter(({ sight }) => goes(JSON.parse(sight) as Sight))
  for (const { channel, pair } of meant) remove.run(channel, pair)
  return meant.length
}

function takeOutOfQueue(db: Database, goes: (sight: Sight) => boolean, reason: string): number {
  const rows = db.prepare(`SELECT number, body FROM alert WHERE body != ''`).all() as {
    number: number
    body: string
  }[]
  const keep = db.prepare('UPDATE alert SET body = ? WHERE number = ?')
  const drop = db.prepare(
    `UPDATE alert SET state = 'dropped', body = '', reason = ? WHERE number = ?`,
  )
  let touched = 0
  for (const { number, body } of rows) {
    const alert = JSON.parse(body) as Alert
    const sights = alert.sights.filter((sight) => !goes(sight))
    if (sights.length === alert.sights.length) continue
    touched += 1
    if (sights.length === 0) drop.run(reason, number)
    else keep.run(JSON.stringify({ ...alert, sights }), number)
  }
  return touched
}

function concerns(sight: Sight, isMeant: IsMeant): boolean {
  const met = [sight, ...(sight.meetings ?? [])]
  const texts = met.flatMap(({ inside, observable }) => [inside, observable])
  return [sight.indicator.value, ...texts].some(isMeant)
}
