/** MISP changes while it is read: between two pages, between index and rows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../misp/store.js'
import { removedIn } from './house.js'
import { domains, HOUR, NOW, Rig } from './rig.js'

let rig: Rig

/** Three events of 90 attributes: pages of 100 cut the second and the third. */
beforeEach(async () => {
  rig = await Rig.start({ source: { page_size: 100 } })
  const old = { timestamp: NOW - HOUR, publish_timestamp: NOW - HOUR }
  for (const prefix of ['a', 'b', 'c']) {
    rig.store.addEvent({ ...old, attributes: domains(90, prefix) })
  }
})
afterEach(() => rig.close())

/** Between the first and the second page of the next reading. */
function betweenPages(change: (store: Store) => void, times = 1): void {
  rig.misp.faults.next({ kind: 'drift', path: 'restSearch', after: 1, times, change })
}

/** All events change, so that all are read again. */
async function changeAll(): Promise<void> {
  rig.store.advance(HOUR)
  for (const id of rig.store.events.keys()) {
    rig.store.editEvent(id, { info: `at ${rig.store.now}` })
    rig.store.publish(id)
  }
  rig.store.advance(HOUR)
}

const drifts: Record<string, (store: Store) => void> = {
  'a hard deletion': (s) => s.hardDelete(1),
  'three hard deletions': (s) => [1, 2, 3].map((id) => s.hardDelete(id)),
  'three soft deletions': (s) => [1, 2, 3].map((id) => s.softDelete(id)),
  'a sanitised soft deletion': (s) => s.softDeleteSanitised(1),
  'an event that is deleted': (s) => s.deleteEvent(1),
  'an event that becomes invisible': (s) => s.lowerDistribution(1),
  'a deletion in the middle event': (s) => s.hardDelete(95),
  'an addition': (s) => s.addAttribute(1, { type: 'domain', value: 'new.example.com' }),
  'another value in the middle event': (s) => s.editAttribute(95, { value: 'moved.example.com' }),
}

describe('a page that drifts', () => {
  for (const [what, change] of Object.entries(drifts)) {
    it(`loses no row to ${what}, in the first pull`, async () => {
      betweenPages(change)
      await rig.house.sync()
      rig.misp.faults.clear()
      rig.store.advance(HOUR)
      for (const id of rig.store.events.keys()) rig.store.publish(id)
      await rig.syncRight()
    })

    it(`revokes nothing for ${what}, when all is read anew`, async () => {
      await rig.syncRight()
      await changeAll()
      betweenPages((store) => {
        change(store)
        for (const id of store.events.keys()) store.publish(id)
      })
      const report = await rig.house.sync()
      expect(report.status).toBe(0)
      // What has gone of event 1 and what is in 2 and 3 is known at once, or stays until the next pull.
      const live = new Set(await rig.values())
      const stillThere = rig.store
        .eventsById()
        .filter(({ distribution }) => distribution > 0)
        .flatMap((event) => event.attributes().filter((row) => !row.deleted))
      const lost = stillThere.filter(({ value }) => !live.has(value) && value !== 'new.example.com')
      expect(lost.map(({ value }) => value)).toEqual([])
      rig.store.advance(HOUR)
      await rig.syncRight()
    })
  }

  it('loses nothing where this key is not told of deletions', async () => {
    await rig.syncRight()
    await changeAll()
    rig.store.deletedNeedsSync = true
    betweenPages((s) => {
      for (const id of [1, 2, 3]) s.softDelete(id)
      s.publish(1)
    })
    await rig.house.sync()
    expect(await rig.values()).toHaveLength(267)
    rig.store.advance(HOUR)
    await rig.syncRight()
  })

  it('takes no half of an event that vanishes: it has its time of grace', async () => {
    rig.house.configure({ absentGrace: HOUR })
    await rig.syncRight()
    await changeAll()
    betweenPages((s) => s.deleteEvent(2))
    expect(removedIn(await rig.house.sync())).toEqual({})
    expect(await rig.values()).toHaveLength(270)
    await rig.house.sync()
    rig.store.advance(HOUR)
    await rig.syncRight()
  })

  it('ends though an event moves all the time, and is right when that has ended', async () => {
    await rig.syncRight()
    await changeAll()
    let n = 0
    const moving = (s: Store) => {
      n += 1
      s.advance(1)
      s.hardDelete(n)
      s.addAttribute(1, { type: 'domain', value: `late${n}.example.com` })
      s.publish(1)
    }
    rig.misp.faults.always({ kind: 'drift', path: 'restSearch', change: moving })
    const report = await rig.house.sync()
    expect(report.status).toBe(0)
    expect(removedIn(report)).toEqual({})
    expect(n).toBeLessThan(30)
    rig.misp.faults.clear()
    rig.store.advance(HOUR)
    await rig.syncRight()
  })

  it('halves its pages where MISP can not manage, and loses nothing', async () => {
    rig.misp.faults.always({ kind: 'out-of-memory', path: 'restSearch', limitAbove: 120 })
    rig.house.configure({
      sources: [{ ...rig.house.options.sources[0]!, page_size: 1000 } as never],
    })
    await rig.syncRight()
  })
})

describe('between the index and the rows', () => {
  const beforeRows = (change: (store: Store) => void) =>
    rig.misp.faults.next({ kind: 'drift', path: 'restSearch', change })

  it('reads an event again that was edited meanwhile', async () => {
    await rig.syncRight()
    await changeAll()
    beforeRows((s) => {
      s.advance(5)
      s.editAttribute(1, { value: 'moved.example.com' })
      s.publish(1)
    })
    rig.misp.requests.length = 0
    await rig.house.sync()
    expect(await rig.values()).toContain('moved.example.com')
    const labels = { source: 'main' } as const
    expect(rig.house.metrics.read('tipline_pull_events_refetched_total', labels)).toBe(3)
    rig.store.advance(HOUR)
    await rig.syncRight()
  })

  it('leaves a new event that vanishes meanwhile to the next pull', async () => {
    rig.misp.faults.next({
      kind: 'drift',
      path: 'events/index',
      after: 1,
      change: (s) => s.deleteEvent(2),
    })
    await rig.syncRight()
    rig.misp.faults.next({
      kind: 'drift',
      path: 'events/index',
      after: 1,
      change: (s) => s.lowerDistribution(1),
    })
    await changeAll()
    await rig.house.sync()
    await rig.syncRight()
  })
})
