/** What alerts keep goes with the hits: by value, and by age. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pairOf, type Sight } from '../../../src/hits/alerts/alert.js'
import { pruneAlerts, purgeAlerts } from '../../../src/hits/alerts/purge.js'
import { AlertStore } from '../../../src/hits/alerts/store.js'
import { openHits } from '../../../src/hits/database.js'
import { recognise } from '../../../src/hits/filter.js'
import { alertOf, NOW, sightOf } from './facts.js'

const folder = mkdtempSync(join(tmpdir(), 'tipline-alerts-'))
let store: AlertStore
beforeEach(() => {
  store = new AlertStore(openHits(folder))
})
afterEach(() => {
  store.db.close()
  rmSync(folder, { recursive: true })
})

let ids = 0
/** One message with these sights, and each of them in the digest, with its pair. */
function keep(...sights: readonly Sight[]): void {
  ids += 1
  store.enqueue('soc', alertOf({ id: `message-${ids}`, sights }))
  for (const sight of sights) {
    const pair = pairOf(sight, 'inside')
    store.remember({ channel: 'soc', pair, now: NOW })
    store.wait({ channel: 'soc', pair, sight, now: NOW })
  }
}

/** Every text that is in the tables. */
function everything(): string {
  const tables = ['alert_pair', 'alert_waiting', 'alert']
  return JSON.stringify(tables.map((table) => store.db.prepare(`SELECT * FROM ${table}`).all()))
}

const queue = () => store.db.prepare('SELECT state, reason FROM alert ORDER BY number').all()

describe('a purge', () => {
  const other = sightOf({ inside: '192.0.2.99', indicator: { kind: 'ip', value: '203.0.113.9' } })

  it.each<[string, Partial<Sight>, string]>([
    ['who met it', { inside: '192.0.2.66' }, '192.0.2.66'],
    ['who met it, spelled otherwise', { inside: '2001:0DB8:0000::7' }, '2001:db8::7'],
    [
      'the indicator',
      { indicator: { kind: 'email', value: 'kim@example.org' } },
      'kim@example.org',
    ],
    ['the observable', { observable: 'kim.example.org' }, 'kim.example.org'],
  ])('erases %s, and nothing else', (_, facts, value) => {
    const sight = sightOf(facts)
    keep(sight, other)
    keep(sight)
    const text = facts.inside ?? facts.observable ?? facts.indicator?.value ?? ''
    expect(everything()).toContain(text)
    const touched = purgeAlerts(store.db, recognise(value))
    expect(everything()).not.toContain(text)
    expect(queue()).toEqual([
      { state: 'waiting', reason: '' },
      { state: 'dropped', reason: 'purged' },
    ])
    expect(store.waitingSights('soc')).toEqual([{ pair: pairOf(other, 'inside'), sight: other }])
    expect(store.next('soc')?.alert.sights).toEqual([other])
    expect(touched).toBeGreaterThanOrEqual(3)
    expect(purgeAlerts(store.db, recognise(value))).toBe(0)
  })

  it('of what was never met touches nothing', () => {
    keep(other)
    const before = everything()
    for (const value of ['192.0.2.9', '', 'inside', '%', 'campus']) {
      expect(purgeAlerts(store.db, recognise(value))).toBe(0)
    }
    expect(everything()).toBe(before)
  })
})

describe('age', () => {
  it('takes out what is older than hits are kept, from every queue', () => {
    const old = sightOf({ inside: '192.0.2.66', last: NOW - 2000 })
    const young = sightOf({ inside: '192.0.2.67', last: NOW - 1000 })
    keep(old, young)
    keep(old)
    store.enqueue('soc', alertOf({ id: 'flood', kind: 'flood', sights: [] }))
    store.settle(2, { state: 'parked', reason: 'no', now: NOW })
    pruneAlerts(store.db, NOW - 1000)
    expect(queue()).toEqual([
      { state: 'waiting', reason: '' },
      { state: 'dropped', reason: 'older than keep.hits' },
      { state: 'waiting', reason: '' },
    ])
    expect(store.next('soc')?.alert.sights).toEqual([young])
    expect(store.waitingSights('soc').map(({ sight }) => sight)).toEqual([young])
  })
})
