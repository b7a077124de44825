/** The store against change_semantics.json: what each operation moves on a real MISP. */
import { describe, expect, it } from 'vitest'
import { fixture } from './fixtures.js'
import { Store } from './store.js'

const THEN = 1_795_000_000
const NOW = 1_795_000_500
const EVENT = 1
const ROW = 1

const { rows } = JSON.parse(fixture('change_semantics.json')) as {
  rows: [operation: string, attribute: string, event: string, published: string, at: string][]
}

const OPERATIONS: Record<string, (store: Store) => unknown> = {
  'edit comment': (store) => store.editAttribute(ROW, { comment: 'changed' }),
  'to_ids -> false': (store) => store.setToIds(ROW, false),
  'tag attached to attribute': (store) => store.tagAttribute(ROW, 'tlp:green'),
  'tag removed from attribute': (store) => store.untagAttribute(ROW, 'tlp:amber'),
  'tag attached to event': (store) => store.tagEvent(EVENT, 'tlp:green'),
  'soft delete': (store) => store.softDelete(ROW),
  'soft delete with Security.sanitise_attribute_on_delete': (store) =>
    store.softDeleteSanitised(ROW),
  'hard delete': (store) => store.hardDelete(ROW),
  'object soft delete': (store) => store.deleteObject(EVENT, 9),
  restore: (store) => store.restore(ROW),
  'event info edited': (store) => store.editEvent(EVENT, { info: 'another' }),
  publish: (store) => store.publish(EVENT),
  unpublish: (store) => store.unpublish(EVENT),
  'attributes/add with timestamp=1600000000': (store) =>
    store.addAttribute(EVENT, { type: 'domain', value: 'a.example', timestamp: 1_600_000_000 }),
  'events/add by sync/admin with old timestamps, published:true': (store) => {
    store.deleteEvent(EVENT)
    synced(store, { id: EVENT, attributeId: ROW })
  },
  'events/edit by sync (locked event), old timestamps, published:true': (store) => synced(store),
  'event deleted': (store) => store.deleteEvent(EVENT),
  'event distribution lowered to 0 (reader of other org)': (store) =>
    store.lowerDistribution(EVENT),
}

/** Sightings are not served, and a refused write is the writer's affair. */
const NOT_OURS = [
  'sighting added',
  'attributes/edit with older timestamp',
  'events/edit with attribute of older timestamp',
]

describe('an operation moves what MISP moves', () => {
  it('knows every recorded operation', () => {
    const recorded = rows.map(([operation]) => operation).filter((o) => !NOT_OURS.includes(o))
    expect(Object.keys(OPERATIONS).toSorted()).toEqual(recorded.toSorted())
  })

  it.each(rows.filter(([operation]) => operation in OPERATIONS))(
    '%s: attribute %s, event %s, published %s, publish_timestamp %s',
    (operation, attribute, event, published, publishedAt) => {
      const store = publishedWorld()
      store.now = NOW
      OPERATIONS[operation]!(store)
      if (event.startsWith('gone')) {
        expect(store.events.has(EVENT)).toBe(false)
        return
      }
      const after = store.event(EVENT)
      expect(after.timestamp).toBe(moment(event))
      expect(after.published).toBe(/true$/.test(published))
      expect(after.publish_timestamp).toBe(publishedAt === 'now' ? NOW : THEN)
      expectRow(store, operation, attribute)
    },
  )
})

function expectRow(store: Store, operation: string, wanted: string): void {
  const all = store.event(EVENT).attributes()
  if (wanted.startsWith('row gone')) {
    expect(all.some((row) => row.id === ROW)).toBe(false)
    return
  }
  const row = operation.startsWith('attributes/add') ? all.at(-1)! : store.attribute(ROW)
  if (wanted.startsWith('1600000000')) expect(row.timestamp).toBe(1_600_000_000)
  else if (!wanted.startsWith('invisible')) expect(row.timestamp).toBe(moment(wanted))
  if (wanted.includes('deleted=')) expect(row.deleted).toBe(wanted.includes('deleted=true'))
  if (wanted.includes('value=deleted')) {
    expect([row.type, row.value, row.category, row.to_ids]).toEqual([
      ...['comment', 'deleted', 'Other'],
      false,
    ])
  }
  if (wanted.includes('to_ids kept')) expect(row.to_ids).toBe(true)
}

function moment(word: string): number {
  if (/^now|: deleted=true, timestamp=now/.test(word)) return NOW
  return word.startsWith('as sent') ? 1_610_000_000 : THEN
}

function publishedWorld(): Store {
  const store = new Store({ now: THEN })
  store.addEvent({
    uuid: '0b3c131a-a48f-4240-ab77-dbc03c7d5464',
    tags: ['tlp:amber'],
    objects: [{ id: 9, uuid: 'f88e81a7', name: 'file', distribution: 5, deleted: false }],
    attributes: [
      {
        ...{ type: 'domain', value: 'one.example', tags: ['tlp:amber'], object_id: 9 },
        ...{ uuid: '9c529c4f-2b54-4ba9-b6d6-8ac33669c6f8' },
      },
      { type: 'domain', value: 'two.example' },
    ],
  })
  return store
}

function synced(store: Store, fresh?: { id: number; attributeId: number }): void {
  store.syncEventFromRemote({
    uuid: '0b3c131a-a48f-4240-ab77-dbc03c7d5464',
    timestamp: 1_610_000_000,
    ...(fresh && { id: fresh.id }),
    attributes: [
      {
        ...{ type: 'domain', value: 'one.example', timestamp: 1_610_000_000 },
        ...{ uuid: '9c529c4f-2b54-4ba9-b6d6-8ac33669c6f8' },
        ...(fresh && { id: fresh.attributeId }),
      },
    ],
  })
}
