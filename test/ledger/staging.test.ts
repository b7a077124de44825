import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openForReading } from '../../src/ledger/database.js'
import { findIndicators, totals } from '../../src/ledger/knowledge.js'
import { readWithheld } from '../../src/ledger/sources.js'
import type { Database } from '../../src/ledger/sqlite.js'
import { StateReader } from '../../src/ledger/states.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { expectInvariants } from './invariants.js'
import { attribute, event, meaning, pullInto } from './rows.js'

let folder: string
let writer: LedgerWriter
let db: Database
let main: number
let other: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-staging-'))
  writer = new LedgerWriter(folder)
  db = openForReading(folder)
  const [first, second] = writer.registerSources(['main', 'other'])
  main = first!.id
  other = second!.id
})
afterEach(() => {
  expectInvariants(db)
  db.close()
  writer.close()
  rmSync(folder, { recursive: true, force: true })
})

function explain(value: string, space = 'domain') {
  return findIndicators(db, [{ space, value, port: 0 }])[0]
}

describe('staging', () => {
  it('changes nothing until it is applied (L8)', () => {
    writer.beginStaging()
    writer.stageEvents([event('e1')])
    writer.stageAttributes([attribute('e1', 'a1', 'evil.example')])
    expect(writer.judge({ source: main })).toMatchObject({ added: 1, live: 0 })
    writer.discardStaging()
    expect(explain('evil.example')).toBeUndefined()
    expect(db.prepare('SELECT count(*) AS n FROM event').get()).toEqual({ n: 0 })
  })

  it('takes the later of two rows, since a page may be read twice', () => {
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'old.example'), attribute('e1', 'a1', 'new.example')],
    })
    expect(explain('old.example')).toBeUndefined()
    expect(explain('new.example')?.liveSince).toBe(2000)
  })

  it('forgets what was staged of an event that moved meanwhile', () => {
    writer.beginStaging()
    writer.stageEvents([event('e1')])
    writer.stageAttributes([attribute('e1', 'a1', 'old.example')])
    writer.dropStaged(['e1'])
    writer.stageEvents([event('e1')])
    writer.stageAttributes([attribute('e1', 'a2', 'new.example')])
    writer.judge({ source: main })
    writer.beginApply({ source: main, now: 1, withholdAbsent: false, withholdAdded: false })
    while (writer.applyNext() === null);
    expect(explain('old.example')).toBeUndefined()
    expect(explain('new.example')).toBeDefined()
  })

  it('refuses an attribute of an event that was not staged', () => {
    writer.beginStaging()
    expect(() => writer.stageAttributes([attribute('e9', 'a1', 'x.example')])).toThrow(/not staged/)
  })
})

describe('judging', () => {
  const attributes = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      attribute('e1', `a${n}`, `n${n}.example`, { timestamp: 100 + n }),
    )

  it('tells what is gone from what vanished and what left a window', () => {
    pullInto(writer, { source: main, events: [event('e1')], attributes: attributes(6) })
    writer.beginStaging()
    writer.stageEvents([event('e1')])
    writer.stageAttributes([
      attribute('e1', 'a0', 'n0.example'),
      attribute('e1', 'a1', 'n1.example', { gone: 'deleted', meanings: [] }),
      attribute('e1', 'a2', 'n2.example', { gone: 'to_ids', meanings: [] }),
    ])
    const counts = writer.judge({ source: main, window: { column: 'timestamp', before: 104 } })
    expect(counts).toEqual({ live: 6, added: 0, explicit: 2, absent: 2, expired: 1 })
  })

  it('tells what a narrower filter leaves out', () => {
    pullInto(writer, { source: main, events: [event('e1')], attributes: attributes(2) })
    writer.beginStaging()
    writer.stageEvents([event('e1')])
    expect(writer.judge({ source: main, types: ['ip-dst'] })).toMatchObject({
      explicit: 2,
      absent: 0,
    })
  })

  it('lets everything that a snapshot does not hold depart, of its own source only', () => {
    pullInto(writer, { source: main, events: [event('e1')], attributes: attributes(2) })
    pullInto(writer, {
      source: other,
      events: [event('e2')],
      attributes: [attribute('e2', 'b1', 'kept.example')],
    })
    writer.beginStaging()
    writer.departAllOthers(main)
    expect(writer.judge({ source: main })).toMatchObject({ absent: 2 })
    writer.beginApply({ source: main, now: 3000, withholdAbsent: false, withholdAdded: false })
    while (writer.applyNext() === null);
    expect(explain('n0.example')).toMatchObject({ liveSince: null })
    expect(explain('kept.example')?.liveSince).toBe(2000)
  })
})

describe('applying', () => {
  it('keeps when an indicator was live, and why it stopped', () => {
    pullInto(writer, {
      source: main,
      now: 2000,
      events: [event('e1', { info: 'first seen here' })],
      attributes: [attribute('e1', 'a1', 'evil.example')],
    })
    pullInto(writer, {
      source: main,
      now: 3000,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'evil.example', { gone: 'deleted', meanings: [] })],
    })
    pullInto(writer, {
      source: main,
      now: 4000,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'evil.example')],
    })
    expect(explain('evil.example')).toMatchObject({
      liveSince: 4000,
      knownSince: 2000,
      history: [
        { from: 2000, until: 3000, why: 'deleted', detail: { attribute: 'a1', source: 'main' } },
      ],
    })
  })

  it('says which rule holds what it stopped serving', () => {
    const row = attribute('e1', 'a1', 'evil.example')
    pullInto(writer, { source: main, events: [event('e1')], attributes: [row] })
    const held = {
      ...row,
      timestamp: 1001,
      meanings: [meaning('evil.example', { heldRule: 'tlp', heldWhy: 'TLP red' })],
    }
    pullInto(writer, { source: main, now: 3000, events: [event('e1')], attributes: [held] })
    expect(explain('evil.example')?.history).toMatchObject([{ why: 'held: tlp' }])
    expect(totals(db).held).toEqual({ tlp: 1 })
  })

  it('gives an indicator a port of its own, under the key of its address (L5)', () => {
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [
        attribute('e1', 'a1', '192.0.2.1', { meanings: [meaning('192.0.2.1', { space: 'ip' })] }),
        attribute('e1', 'a2', '192.0.2.1|443', {
          meanings: [meaning('192.0.2.1', { space: 'ip', port: 443 })],
        }),
      ],
    })
    expect(totals(db).liveKeys).toEqual({ ip: { keys: 1, plain: 1 } })
    const states = new StateReader(openForReading(folder))
    const batch = states.touchedAfter(0, 100)
    expect(batch?.states.map((state) => state.carriers.map(({ port }) => port).sort())).toEqual([
      [0, 443],
    ])
    states.close()
  })

  it('tells an attribute that comes through two sources once, as the first has it (L12)', () => {
    for (const source of [other, main]) {
      pullInto(writer, {
        source,
        events: [event('e1', { mispId: source === main ? '1' : '77' })],
        attributes: [attribute('e1', 'a1', 'evil.example')],
      })
    }
    const states = new StateReader(openForReading(folder))
    const [state] = states.of([{ space: 'domain', value: 'evil.example' }])
    expect(state?.carriers).toMatchObject([{ source: 'main', eventId: '1' }])
    states.close()
  })

  it('never uses an id again (L16)', () => {
    const ids = () => db.prepare('SELECT max(id) AS id FROM attribute').get() as { id: number }
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example')],
    })
    const { id } = ids()
    pullInto(writer, {
      source: main,
      events: [event('e2')],
      attributes: [attribute('e2', 'a2', 'b.example')],
      departures: ['e1'],
    })
    expect(ids().id).toBeGreaterThan(id)
    expect(explain('b.example')?.liveSince).not.toBeNull()
  })

  it('never uses the id of an indicator again, whatever is dropped (L16)', () => {
    const last = () =>
      (db.prepare('SELECT max(id) AS id FROM indicator').get() as { id: number }).id
    const stage = (...values: string[]) => {
      writer.beginStaging()
      writer.stageEvents([event('e')])
      writer.stageAttributes(values.map((value) => attribute('e', value, value)))
      writer.judge({ source: main })
    }
    stage('a.example', 'b.example')
    const before = last()
    writer.discardStaging()
    stage('c.example')
    expect(last()).toBeGreaterThan(before)
    writer.discardStaging()
    const attributes = [attribute('e1', 'a1', 'd.example')]
    pullInto(writer, { source: main, now: 10, events: [event('e1')], attributes })
    pullInto(writer, { source: main, now: 20, departures: ['e1'] })
    const applied = last()
    writer.prune({ sinks: [], historyBefore: 30 })
    stage('e.example')
    expect(last()).toBeGreaterThan(applied)
  })

  it('keeps what is withheld, item by item, and knows what goes beyond it', () => {
    const two = [attribute('e1', 'a1', 'a.example'), attribute('e1', 'a2', 'b.example')]
    pullInto(writer, { source: main, events: [event('e1')], attributes: two })
    const stage = (rows: typeof two) => {
      writer.beginStaging()
      writer.stageEvents([event('e1')])
      writer.stageAttributes(rows)
      writer.judge({ source: main })
    }
    stage([two[1]!])
    writer.withhold({
      id: 'x1',
      source: main,
      kind: 'revocations',
      why: 'test',
      items: 1,
      live: 2,
      at: 1,
    })
    expect(readWithheld(db)).toMatchObject([{ id: 'x1', source: 'main', items: 1 }])
    expect(writer.beyondWithheld({ id: 'x1', source: main, kind: 'revocations' })).toBe(0)
    stage([])
    expect(writer.beyondWithheld({ id: 'x1', source: main, kind: 'revocations' })).toBe(1)
  })

  it('prunes the changes that every sink has seen, and no others (L11)', () => {
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example'), attribute('e1', 'a2', 'b.example')],
    })
    const left = () => db.prepare('SELECT seq FROM change ORDER BY seq').all()
    writer.moveCursor({ sink: 'fast', seq: 2, settings: '', at: 1 })
    writer.moveCursor({ sink: 'slow', seq: 1, settings: '', at: 1 })
    writer.prune({ sinks: ['fast', 'slow'], historyBefore: 0 })
    expect(left()).toEqual([{ seq: 2 }])
    writer.prune({ sinks: ['fast'], historyBefore: 0 })
    expect(left()).toEqual([])
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example')],
    })
    expect(left()).toEqual([{ seq: 3 }])
  })

  it('drops old history, and then what nothing remembers', () => {
    pullInto(writer, {
      source: main,
      now: 10,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example')],
    })
    pullInto(writer, { source: main, now: 20, departures: ['e1'] })
    writer.moveCursor({ sink: 's', seq: 2, settings: '', at: 1 })
    expect(writer.prune({ sinks: ['s'], historyBefore: 20 }).history).toBe(0)
    expect(writer.prune({ sinks: ['s'], historyBefore: 21 }).history).toBe(1)
    expect(explain('a.example')).toBeUndefined()
  })

  it('drops old history also behind what a clock wrote that ran ahead', () => {
    const comeAndGo = (value: string, now: number) => {
      const attributes = [attribute('e1', value, value)]
      pullInto(writer, { source: main, now, events: [event('e1')], attributes })
      pullInto(writer, { source: main, now: now + 1, departures: ['e1'] })
    }
    comeAndGo('ahead.example', 9_000_000_000)
    for (const [n, value] of ['a.example', 'b.example', 'c.example'].entries()) {
      comeAndGo(value, 10 * (n + 1))
    }
    writer.moveCursor({ sink: 's', seq: 8, settings: '', at: 1 })
    expect(writer.prune({ sinks: ['s'], historyBefore: 22 }).history).toBe(2)
    expect(explain('a.example')).toBeUndefined()
    expect(explain('c.example')).toBeDefined()
    expect(explain('ahead.example')).toBeDefined()
  })

  it('forgets a source with all it brought', () => {
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example')],
    })
    pullInto(writer, {
      source: other,
      events: [event('e2')],
      attributes: [attribute('e2', 'b1', 'a.example')],
    })
    writer.forgetSource({ source: main, now: 5000 })
    expect(explain('a.example')).toMatchObject({ liveSince: 2000, carriers: [{ source: 'other' }] })
    writer.forgetSource({ source: other, now: 6000 })
    expect(explain('a.example')).toMatchObject({
      liveSince: null,
      history: [{ why: 'source forgotten' }],
    })
  })
})

describe('holds by hand', () => {
  const hold = (target: string, more: object = {}) =>
    writer.addHold({
      hold: {
        target,
        targets: [{ space: 'domain', value: target, port: 0 }],
        event: null,
        author: 'analyst',
        why: 'false positive',
        until: null,
        ...more,
      },
      now: 2500,
    })

  it('hold what is there and what comes later, until they end', () => {
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example')],
    })
    const first = hold('a.example')
    hold('b.example')
    expect(first.touched).toBe(1)
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example'), attribute('e1', 'a2', 'b.example')],
    })
    expect(explain('a.example')).toMatchObject({
      liveSince: null,
      carriers: [{ held: { rule: 'hand', why: 'held by analyst: false positive' } }],
      history: [{ why: 'held by hand' }],
    })
    expect(explain('b.example')?.liveSince).toBeNull()
    writer.endHolds({ ids: [first.hold.id], by: 'analyst', now: 2600 })
    expect(explain('a.example')?.liveSince).toBe(2600)
    expect(explain('b.example')?.liveSince).toBeNull()
  })

  it('hold an event whole, in every source that has it', () => {
    for (const source of [main, other]) {
      pullInto(writer, {
        source,
        events: [event('e1')],
        attributes: [attribute('e1', 'a1', 'a.example')],
      })
    }
    hold('event e1', { event: 'e1', targets: [] })
    expect(explain('a.example')?.liveSince).toBeNull()
  })

  it('run out by themselves', () => {
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example')],
    })
    hold('a.example', { until: 3000 })
    expect(writer.expireHolds(2999)).toEqual([])
    expect(writer.expireHolds(3000)).toHaveLength(1)
    expect(explain('a.example')?.liveSince).toBe(3000)
  })

  it('stay while another hold names the same', () => {
    pullInto(writer, {
      source: main,
      events: [event('e1')],
      attributes: [attribute('e1', 'a1', 'a.example')],
    })
    const first = hold('a.example')
    hold('event e1', { event: 'e1', targets: [] })
    writer.endHolds({ ids: [first.hold.id], by: 'analyst', now: 2600 })
    expect(explain('a.example')?.liveSince).toBeNull()
  })
})
