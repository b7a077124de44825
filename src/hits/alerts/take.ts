/** New hits become messages and counts: for every channel, in one transaction with how far we read. */
import { randomUUID } from 'node:crypto'
import { inTransaction } from '../../ledger/sqlite.js'
import type { Hit } from '../hit.js'
import type { Alert, Sight } from './alert.js'
import { decide, isDigestDue } from './decide.js'
import { gather, merged, type Route, type Surroundings } from './gather.js'
import { type CommonSettings, paceOf } from './settings.js'
import type { AlertStore } from './store.js'

export interface TakeDeps {
  readonly store: AlertStore
  readonly settings: readonly CommonSettings[]
  readonly around: Surroundings
}

/** `accept` moves the position of the follower; after a kill both are done, or neither. */
export function take(
  hits: readonly Hit[],
  { accept, now }: { accept: () => void; now: number },
  { store, settings, around }: TakeDeps,
): void {
  inTransaction(store.db, () => {
    for (const channel of settings) {
      for (const [pair, sight] of gather(hits, routeOf(channel), around)) {
        place({ store, channel, pair, sight, now })
      }
    }
    accept()
  })
}

function routeOf({ networks, kinds, tags, per }: CommonSettings): Route {
  return { networks, kinds, tags, per }
}

interface Placing {
  readonly store: AlertStore
  readonly channel: CommonSettings
  readonly pair: string
  readonly sight: Sight
  readonly now: number
}

function place({ store, channel: settings, pair, sight, now }: Placing): void {
  const { name: channel } = settings
  const pace = paceOf(settings)
  const last = store.lastOf(channel, pair)
  const toldInHour = store.countInHour({ channel, kind: 'hit', now })
  const { when, remember, flood } = decide(sight, pace, { last, toldInHour, now })
  if (remember) store.remember({ channel, pair, now })
  if (when === 'now') store.enqueue(channel, newAlert({ kind: 'hit', sights: [sight], now }))
  else putOff({ store, channel, pair, sight: remember ? sight : { ...sight, backscan: true }, now })
  if (flood && store.countInHour({ channel, kind: 'flood', now }) === 0) {
    store.enqueue(channel, newAlert({ kind: 'flood', sights: [], limit: pace.maxPerHour, now }))
  }
}

/** Into the next digest. */
export function putOff(input: {
  store: AlertStore
  channel: string
  pair: string
  sight: Sight
  now: number
}): void {
  const { store, channel, pair, sight, now } = input
  const waiting = store.waitingSight(channel, pair)
  store.wait({ channel, pair, sight: waiting ? merged(waiting, sight) : sight, now })
}

/** Sights that a digest tells one by one; the rest it counts. */
const MOST_SIGHTS = 50

/** Digests that are due become messages. */
export function closeDigests(now: number, { store, settings }: TakeDeps): void {
  for (const channel of settings) {
    const { name } = channel
    const pace = paceOf(channel)
    if (!isDigestDue(store.waitingSince(name), pace, now)) continue
    inTransaction(store.db, () => {
      const sights = store.waitingSights(name).map(({ sight }) => sight)
      sights.sort((a, b) => b.count - a.count || b.last - a.last)
      const told = sights.slice(0, MOST_SIGHTS)
      const more = sights.length - told.length
      store.enqueue(name, newAlert({ kind: 'digest', sights: told, more, now }))
      store.clearWaiting(name)
    })
  }
}

function newAlert(facts: {
  kind: Alert['kind']
  sights: readonly Sight[]
  more?: number
  limit?: number
  now: number
}): Alert {
  const { now, more = 0, ...rest } = facts
  return { id: randomUUID(), at: now, more, ...rest }
}
