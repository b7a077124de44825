/**
 * What happens to a MISP between two syncs, each case once: afterwards exactly what the store says is
 * live.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../misp/store.js'
import { DAY, domains, HOUR, NOW, Rig } from './rig.js'

let rig: Rig
const E = 1

beforeEach(async () => {
  rig = await Rig.start()
  fill(rig.store)
  await rig.syncRight()
})
afterEach(() => rig.close())

/** Event 1 has rows 1 to 4, event 2 rows 5 and 6 (one value is in both), event 3 rows 7 and 8. */
function fill(store: Store): void {
  const old = { timestamp: NOW - DAY, publish_timestamp: NOW - DAY }
  const rows = (count: number, prefix: string) =>
    domains(count, prefix).map((row) => ({ ...row, timestamp: NOW - DAY }))
  store.addEvent({ ...old, attributes: [...rows(3, 'a'), shared()] })
  store.addEvent({ ...old, attributes: [...rows(1, 'b'), shared()] })
  store.addEvent({ ...old, tags: ['tlp:green'], attributes: rows(2, 'c') })
}

function shared() {
  return { type: 'ip-dst', value: '198.51.100.7', timestamp: NOW - DAY }
}

/** Something happens, the event is published again, and an hour later we look. */
async function follow(change: (store: Store) => void, { publish = true } = {}): Promise<void> {
  rig.store.advance(HOUR)
  change(rig.store)
  if (publish) for (const id of rig.store.events.keys()) rig.store.publish(id)
  rig.store.advance(HOUR)
  await rig.syncRight()
}

describe('an event that changed', () => {
  const changes: Record<string, (store: Store) => void> = {
    'an attribute more': (s) => s.addAttribute(E, { type: 'domain', value: 'new.example.com' }),
    'another value': (s) => s.editAttribute(1, { value: 'moved.example.com' }),
    'another type': (s) => s.editAttribute(1, { type: 'hostname' }),
    'a type that can not be matched': (s) => s.editAttribute(1, { type: 'text' }),
    'to_ids off': (s) => s.setToIds(1, false),
    'a soft deletion': (s) => s.softDelete(1),
    'a sanitised soft deletion': (s) => s.softDeleteSanitised(1),
    'a hard deletion': (s) => s.hardDelete(1),
    'a deleted event': (s) => s.deleteEvent(E),
    'a lowered distribution': (s) => s.lowerDistribution(E),
    'a lowered distribution of one attribute': (s) => s.editAttribute(1, { distribution: 0 }),
    'a back-dated attribute': (s) =>
      s.addAttribute(E, { type: 'domain', value: 'old.example.com', timestamp: 1_600_000_000 }),
    'one of two events with the value gone': (s) => s.deleteEvent(E),
    'the last attribute gone': (s) => {
      for (const row of [...s.event(2).attributes()]) s.softDelete(row.id)
    },
    'a new event': (s) => s.addEvent({ attributes: domains(2, 'fresh') }),
    'a new event that is not published': (s) =>
      s.unpublish(s.addEvent({ attributes: domains(2, 'x') }).id),
    'a new name of the event': (s) => s.editEvent(E, { info: 'renamed' }),
  }
  for (const [what, change] of Object.entries(changes)) {
    it(`follows ${what}`, async () => {
      await follow(change)
      await follow(() => undefined)
    })
  }

  it('follows to_ids on again, and a restored attribute', async () => {
    await follow((s) => {
      s.setToIds(1, false)
      s.softDelete(2)
    })
    expect(await rig.values()).not.toContain('a0.example.com')
    await follow((s) => {
      s.setToIds(1, true)
      s.restore(2)
    })
    expect(await rig.values()).toContain('a1.example.com')
  })

  it('keeps a value that is soft-deleted and live in the same event', async () => {
    await follow((s) => {
      s.softDelete(1)
      s.addAttribute(E, { type: 'domain', value: 'a0.example.com' })
    })
    expect(await rig.values()).toContain('a0.example.com')
  })

  it('keeps a value as long as one event has it', async () => {
    expect((await rig.house.pieces()).get('ip:198.51.100.7')).toBe('1#ip-dst,2#ip-dst')
    await follow((s) => s.softDelete(4))
    expect((await rig.house.pieces()).get('ip:198.51.100.7')).toBe('2#ip-dst')
    await follow((s) => s.deleteEvent(2))
    expect((await rig.house.pieces()).has('ip:198.51.100.7')).toBe(false)
  })

  it('tells sinks the tags of attribute and event', async () => {
    await follow((s) => {
      s.tagAttribute(7, 'kill-chain:Delivery')
      s.tagEvent(3, 'type:OSINT')
    })
    const tags = (await rig.house.live()).get('domain:c0.example.com')?.carriers[0]?.tags
    expect(tags).toEqual(['kill-chain:Delivery', 'tlp:green', 'type:OSINT'])
    await follow((s) => s.untagEvent(3, 'tlp:green'))
    const fewer = (await rig.house.live()).get('domain:c1.example.com')?.carriers[0]?.tags
    expect(fewer).toEqual(['type:OSINT'])
  })
})

describe('a MISP that was set up anew', () => {
  it('may number its events otherwise', async () => {
    const { events } = rig.store
    const moved = rig.store.event(1)
    events.delete(1)
    for (const row of moved.own()) Object.assign(row, { event_id: 77 })
    events.set(77, Object.assign(moved, { id: 77 }))
    await rig.syncRight()
    expect((await rig.house.pieces()).get('domain:a0.example.com')).toBe('77#domain')
  })
})

describe('times that lie', () => {
  it('sees an event that a sync brings with its old timestamps', async () => {
    const remote = { timestamp: 1_610_000_000, distribution: 2 }
    await follow((s) => void s.syncEventFromRemote({ ...remote, attributes: domains(2, 'far') }))
    expect(await rig.values()).toContain('far0.example.com')
  })

  it('sees a synced event change though its timestamp stays in the past, or moves back', async () => {
    const uuid = '18f2bcb2-0d6c-4b52-9e8f-5cd0e8712a6f'
    const spec = { uuid, distribution: 2 }
    const one = (value: string) => [{ type: 'domain', value, uuid: `${uuid.slice(0, -1)}0` }]
    const synced = (timestamp: number, value: string) => (s: Store) =>
      void s.syncEventFromRemote({ ...spec, timestamp, attributes: one(value) })
    await follow(synced(1_610_000_000, 'far.example.com'))
    await follow(synced(1_610_000_100, 'farther.example.com'))
    expect(await rig.values()).toContain('farther.example.com')
    await follow(synced(1_600_000_000, 'back.example.com'))
    expect(await rig.values()).toContain('back.example.com')
  })

  it('takes an event from the future and goes on seeing the others', async () => {
    await follow(
      (s) => void s.addEvent({ timestamp: NOW + 400 * DAY, attributes: domains(1, 'f') }),
    )
    rig.store.advance(HOUR)
    const asked = await rig.requestsOfSync()
    expect(asked.length).toBeLessThanOrEqual(3)
    await follow((s) => s.addAttribute(E, { type: 'domain', value: 'later.example.com' }))
    expect(await rig.values()).toContain('later.example.com')
  })

  it('sees the second of two edits within one second', async () => {
    const { store } = rig
    store.advance(HOUR)
    store.editAttribute(1, { value: 'first.example.com' })
    store.publish(E)
    await rig.syncRight()
    store.editAttribute(1, { value: 'second.example.com' })
    store.publish(E)
    store.advance(5)
    await rig.syncRight()
    expect(await rig.values()).toContain('second.example.com')
    store.advance(60)
    expect(await rig.requestsOfSync()).toHaveLength(1)
  })
})

describe('an edit unpublishes', () => {
  const edited = (change: (store: Store) => void) => follow(change, { publish: false })

  it('what it takes away goes at once, what it adds waits', async () => {
    await edited((s) => {
      s.softDelete(1)
      s.setToIds(2, false)
      s.addAttribute(E, { type: 'domain', value: 'waits.example.com' })
    })
    expect(await rig.values()).toEqual([
      'a2.example.com',
      'b0.example.com',
      'c0.example.com',
      'c1.example.com',
    ])
    await follow(() => undefined)
    expect(await rig.values()).toContain('waits.example.com')
  })

  it('what it changes stays as last published', async () => {
    await edited((s) => {
      s.editAttribute(1, { value: 'draft.example.com' })
      s.editEvent(E, { info: 'draft' })
    })
    const known = await rig.house.live()
    expect(known.get('domain:a0.example.com')?.carriers[0]?.eventInfo).toBe('Event 1')
    await follow(() => undefined)
    const now = await rig.house.live()
    expect(now.get('domain:draft.example.com')?.carriers[0]?.eventInfo).toBe('draft')
    expect(now.has('domain:a0.example.com')).toBe(false)
  })

  it('what was deleted and restored in a draft waits too', async () => {
    await edited((s) => s.softDelete(1))
    await edited((s) => s.restore(1))
    expect(await rig.values()).not.toContain('a0.example.com')
    await follow(() => undefined)
    expect(await rig.values()).toContain('a0.example.com')
  })

  it('a hard deletion and a deleted event count in a draft', async () => {
    await edited((s) => {
      s.hardDelete(1)
      s.editEvent(2, { info: 'draft' })
      s.deleteEvent(3)
    })
    expect(await rig.values()).toEqual(['a1.example.com', 'a2.example.com', 'b0.example.com'])
  })
})

describe('deletions that this key is not told of', () => {
  it('revokes what is missing all the same', async () => {
    rig.store.deletedNeedsSync = true
    await follow((s) => {
      s.softDelete(1)
      s.softDeleteSanitised(2)
    })
    expect(await rig.values()).toEqual([
      'a2.example.com',
      'b0.example.com',
      'c0.example.com',
      'c1.example.com',
    ])
  })
})
