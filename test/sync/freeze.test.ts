/** What the guard does to a source: it withholds, says what, lets through what is accepted, and thaws. */
import { afterEach, describe, expect, it } from 'vitest'
import { readWithheld, withheldItems } from '../../src/ledger/sources.js'
import type { SyncReport } from '../../src/sync/sync.js'
import type { Store } from '../misp/store.js'
import { removedIn } from './house.js'
import { DAY, domains, HOUR, NOW, Rig, type RigOptions } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

/** Ten events of 30: half of it is more than the guard lets vanish. */
async function start(options: RigOptions = {}): Promise<void> {
  rig = await Rig.start(options)
  for (let n = 0; n < 10; n += 1) {
    rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(30, `e${n}x`) })
  }
  await rig.syncRight()
}

const frozen = () => rig.house.metrics.read('tipline_source_frozen', { source: 'main' })

function withheldIn(report: SyncReport): { id: string; kind: string; why: string }[] {
  return report.sources.flatMap((source) => (source.ok ? source.withheld : []))
}

/** A sync that freezes the source; answers the id. */
async function syncFrozen(kind = 'revocations'): Promise<string> {
  const report = await rig.house.sync()
  expect(report.status).toBe(4)
  expect(frozen()).toBe(1)
  const [withheld, ...others] = withheldIn(report)
  expect(others).toEqual([])
  expect(withheld?.kind).toBe(kind)
  return withheld!.id
}

async function later(change: (store: Store) => void = () => undefined): Promise<void> {
  rig.store.advance(HOUR)
  change(rig.store)
  for (const id of rig.store.events.keys()) rig.store.publish(id)
  rig.store.advance(HOUR)
}

describe('half of the events gone', () => {
  it('revokes nothing, keeps its id, shows what it withholds, and thaws by itself', async () => {
    await start()
    rig.misp.faults.always({ kind: 'half' })
    const id = await syncFrozen()
    expect(await rig.values()).toHaveLength(300)
    expect(await syncFrozen()).toBe(id)
    await later()
    expect(await syncFrozen()).toBe(id)
    const { db } = await rig.house.ledger()
    expect(readWithheld(db)).toMatchObject([{ id, source: 'main', items: 150, live: 300 }])
    const shown = withheldItems(db, id, 1000)
    const odd = rig.store.eventsById().filter((event) => event.id % 2 === 1)
    const gone = odd.flatMap((event) => event.attributes().map((row) => row.uuid))
    expect(shown.map(({ attribute }) => attribute).sort()).toEqual(gone.sort())
    rig.misp.faults.clear()
    await rig.syncRight()
    expect(frozen()).toBe(0)
    expect(readWithheld(db)).toEqual([])
  })

  it('stays withheld while the index can not be read to its end', async () => {
    await start()
    rig.misp.faults.always({ kind: 'half' })
    const id = await syncFrozen()
    const body = JSON.stringify([null])
    rig.misp.faults.next({ kind: 'answer', status: 200, body, type: 'application/json' })
    await rig.house.sync()
    expect(frozen()).toBe(1)
    expect(readWithheld((await rig.house.ledger()).db)).toMatchObject([{ id }])
    expect(await syncFrozen()).toBe(id)
  })

  it('lets additions and deletions through meanwhile', async () => {
    await start()
    rig.misp.faults.always({ kind: 'half' })
    await syncFrozen()
    await later((store) => {
      store.addAttribute(2, { type: 'domain', value: 'new.example.com' })
      store.softDelete(store.event(2).attributes()[0]!.id)
      store.softDeleteSanitised(store.event(4).attributes()[0]!.id)
      for (const row of [...store.event(6).attributes()]) store.softDelete(row.id)
    })
    await syncFrozen()
    const live = await rig.values()
    expect(live).toContain('new.example.com')
    expect(live).not.toContain('e1x0.example.com')
    expect(live).not.toContain('e3x0.example.com')
    expect(live.filter((value) => value.startsWith('e5x'))).toEqual([])
    expect(live).toHaveLength(300 + 1 - 2 - 30)
  })

  it('lets through what is accepted', async () => {
    await start()
    rig.misp.faults.always({ kind: 'half' })
    const id = await syncFrozen()
    expect((await rig.house.sync(['ffffffff'])).status).toBe(4)
    const report = await rig.house.sync([id])
    expect(report.status).toBe(0)
    expect(removedIn(report)).toEqual({ absent: 150 })
    expect(withheldIn(report)).toEqual([])
    expect(await rig.values()).toHaveLength(150)
    expect(frozen()).toBe(0)
    // And what is accepted is the state to compare with: a little more may go.
    rig.store.deleteEvent(2)
    expect((await rig.house.sync()).status).toBe(0)
    expect(await rig.values()).toHaveLength(120)
  })

  it('does not let through more than was shown', async () => {
    await start()
    rig.misp.faults.always({ kind: 'half' })
    const id = await syncFrozen()
    rig.store.deleteEvent(2)
    const report = await rig.house.sync([id])
    expect(report.status).toBe(4)
    const [withheld] = withheldIn(report)
    expect(withheld!.id).not.toBe(id)
    expect(await rig.values()).toHaveLength(300)
    expect((await rig.house.sync([id])).status).toBe(4)
    expect((await rig.house.sync([withheld!.id])).status).toBe(0)
    expect(await rig.values()).toHaveLength(120)
  })

  it('lets through less than was shown', async () => {
    await start()
    const gone = [1, 3, 5, 7, 9].map((id) => rig.store.event(id))
    for (const event of gone) rig.store.events.delete(event.id)
    const id = await syncFrozen()
    rig.store.events.set(1, gone[0]!)
    expect((await rig.house.sync([id])).status).toBe(0)
    expect(await rig.values()).toHaveLength(180)
  })
})

describe('answers that are too small', () => {
  it('does not believe an empty index', async () => {
    await start()
    rig.misp.faults.always({ kind: 'empty', path: 'events/index' })
    await syncFrozen()
    expect(await rig.values()).toHaveLength(300)
    rig.misp.faults.clear()
    await rig.syncRight()
  })

  it('does not believe events without rows', async () => {
    await start()
    await later((store) => {
      for (const id of store.events.keys()) store.editEvent(id, { info: 'touched' })
    })
    rig.misp.faults.always({ kind: 'empty', path: 'restSearch' })
    expect((await rig.house.sync()).status).toBe(0)
    expect(await rig.values()).toHaveLength(300)
    await syncFrozen()
    expect(await rig.values()).toHaveLength(300)
    rig.misp.faults.clear()
    await rig.syncRight()
  })

  it('loads in the next pull what a first one did not show', async () => {
    rig = await Rig.start()
    rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(30) })
    rig.misp.faults.next({ kind: 'empty', path: 'restSearch', times: 2 })
    await rig.house.sync()
    await rig.syncRight()
  })

  it('lets a small source lose all', async () => {
    rig = await Rig.start()
    for (let n = 0; n < 4; n += 1) rig.store.addEvent({ attributes: domains(25, `e${n}x`) })
    rig.store.advance(HOUR)
    await rig.syncRight()
    for (const id of [1, 2, 3, 4]) rig.store.deleteEvent(id)
    await rig.syncRight()
    expect(await rig.values()).toEqual([])
  })

  it('counts hard deletions within events too', async () => {
    await start()
    await later((store) => {
      for (const event of store.eventsById()) {
        for (const row of [...event.attributes()].slice(0, 11)) store.hardDelete(row.id)
      }
    })
    const id = await syncFrozen()
    expect(await syncFrozen()).toBe(id)
    expect((await rig.house.sync([id])).status).toBe(0)
    expect(await rig.values()).toHaveLength(190)
  })
})

describe('slow bleeding', () => {
  it('counts over 24 hours, and is over when it has been accepted', async () => {
    await start()
    rig.house.configure({ guard: { revoke_min: 20 } })
    for (const id of [1, 2]) {
      rig.store.deleteEvent(id)
      rig.store.advance(HOUR)
      await rig.syncRight()
    }
    rig.store.deleteEvent(3)
    const id = await syncFrozen()
    expect((await rig.house.sync([id])).status).toBe(0)
    rig.store.advance(HOUR)
    rig.store.deleteEvent(4)
    await rig.syncRight()
  })

  it('is forgotten after 24 hours', async () => {
    await start()
    rig.house.configure({ guard: { revoke_min: 20 } })
    for (const id of [1, 2, 3, 4]) {
      rig.store.deleteEvent(id)
      rig.store.advance(25 * HOUR)
      await rig.syncRight()
    }
  })
})

describe('a flood', () => {
  it('is withheld, may be accepted, and thaws when it is over', async () => {
    await start()
    rig.misp.faults.always({ kind: 'flood', factor: 12 })
    const id = await syncFrozen('additions')
    expect(await rig.values()).toHaveLength(300)
    expect(await syncFrozen('additions')).toBe(id)
    rig.misp.faults.clear()
    await rig.syncRight()
    rig.misp.faults.always({ kind: 'flood', factor: 12 })
    const again = await syncFrozen('additions')
    expect((await rig.house.sync([again])).status).toBe(0)
    expect((await rig.house.live()).size).toBeGreaterThan(3000)
  })

  it('does not hold up revocations and edits', async () => {
    await start()
    rig.misp.faults.always({ kind: 'flood', factor: 13 })
    await syncFrozen('additions')
    rig.store.deleteEvent(1)
    rig.edit(31, { value: 'moved.example.com' })
    await syncFrozen('additions')
    expect(await rig.values()).toHaveLength(270)
    expect(await rig.values()).toContain('moved.example.com')
  })

  it('is no flood when it is the first answer, or when the filters changed', async () => {
    rig = await Rig.start({ filters: { types: ['ip-dst'] } })
    rig.store.addEvent({
      attributes: [{ type: 'ip-dst', value: '198.51.100.7' }, ...domains(2000)],
    })
    rig.store.advance(HOUR)
    await rig.syncRight()
    rig.want({})
    await rig.syncRight()
    expect(await rig.values()).toHaveLength(2000)
  })

  it('is no flood when the first pull died before it was accepted', async () => {
    rig = await Rig.start({ guard: { growth_min: 0 } })
    rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(5) })
    const ledger = await rig.house.ledger()
    const killed = () => Promise.reject(new Error('killed'))
    const writer = new Proxy(ledger.writer, {
      get: (commands, name) =>
        name === 'acceptPull' ? killed : commands[name as keyof typeof commands],
    })
    await expect(rig.house.sync([], { ledger: { ...ledger, writer } })).rejects.toThrow('killed')
    expect(await rig.values()).toHaveLength(5)
    rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(95, 'm') })
    await rig.syncRight()
  })
})

describe('a key whose owner changed', () => {
  it('freezes any disappearance until it is accepted', async () => {
    await start()
    rig.misp.users.readonly.org_id = 3
    rig.store.advance(HOUR)
    await rig.syncRight()
    rig.store.deleteEvent(1)
    const id = await syncFrozen()
    expect(await rig.values()).toHaveLength(300)
    expect(await syncFrozen()).toBe(id)
    expect((await rig.house.sync([id])).status).toBe(0)
    expect(await rig.values()).toHaveLength(270)
    rig.store.deleteEvent(2)
    expect((await rig.house.sync()).status).toBe(0)
  })

  it('does not freeze what was deleted in so many words', async () => {
    await start()
    rig.misp.users.readonly.role = 'user'
    await later((store) => store.softDelete(1))
    const report = await rig.syncRight()
    expect(removedIn(report)).toEqual({ deleted: 1 })
  })
})

describe('the time of grace', () => {
  it('keeps an event that is missing for a short while', async () => {
    await start({ absentGrace: HOUR })
    const event = rig.store.event(1)
    rig.store.events.delete(1)
    expect((await rig.house.sync()).status).toBe(0)
    expect(await rig.values()).toHaveLength(300)
    rig.store.events.set(1, event)
    rig.store.advance(HOUR / 2)
    await rig.syncRight()
    rig.store.events.delete(1)
    await rig.house.sync()
    rig.store.advance(HOUR - 1)
    await rig.house.sync()
    expect(await rig.values()).toHaveLength(300)
    rig.store.advance(1)
    await rig.syncRight()
    expect(await rig.values()).toHaveLength(270)
  })

  it('does not last until the time that a clock of MISP showed by mistake', async () => {
    await start({ absentGrace: HOUR })
    rig.store.events.delete(1)
    const { now } = rig.store
    rig.store.now = now + 400 * DAY
    await rig.house.sync()
    rig.store.now = now
    await rig.house.sync()
    rig.store.advance(HOUR - 1)
    await rig.house.sync()
    expect(await rig.values()).toHaveLength(300)
    rig.store.advance(1)
    await rig.syncRight()
    expect(await rig.values()).toHaveLength(270)
  })

  it('does not keep what was deleted in so many words', async () => {
    await start({ absentGrace: HOUR })
    await later((store) => {
      for (const row of [...store.event(1).attributes()]) store.softDelete(row.id)
    })
    const report = await rig.syncRight()
    expect(removedIn(report)).toEqual({ deleted: 30 })
  })
})
