/**
 * The world of the recordings, and what was done to it between them. Each step is done with the
 * store's own operations at the second it was done, so that a replay also proves the operations.
 */
import { fixture, recording } from './fixtures.js'
import type { EventSpec, Tag } from './model.js'
import { Store } from './store.js'

interface WorldFile {
  readonly now: number
  readonly tags: readonly Tag[]
  readonly events: readonly EventSpec[]
}

/** As of 20:00:25. */
export function recordedWorld(): Store {
  const file = JSON.parse(fixture('world.json')) as WorldFile
  const store = new Store({ now: file.now })
  for (const tag of file.tags) store.tag(tag.name, tag)
  for (const event of file.events) store.addEvent(event)
  return store
}

/** Until 20:02:30: event 4 is edited in every way, published, and added to with old timestamps. */
export function editEvent4(store: Store): Store {
  const at = (now: number) => {
    store.now = now
    return store
  }
  at(1_795_291_286).editAttribute(65, { comment: 'changed' })
  at(1_795_291_289).setToIds(66, false)
  at(1_795_291_293).tagAttribute(67, 'tlp:green')
  at(1_795_291_296).untagAttribute(67, 'tlp:green')
  at(1_795_291_298).tagEvent(4, 'tlp:green')
  at(1_795_291_301).softDelete(68)
  at(1_795_291_304).hardDelete(69)
  at(1_795_291_306).softDelete(70)
  at(1_795_291_308).restore(70)
  at(1_795_291_312).editEvent(4, { info: 'Changing event D (renamed)' })
  at(1_795_291_316).publish(4)
  at(1_795_291_318).addAttribute(4, {
    ...{ id: 85, uuid: rowUuid(85), type: 'ip-dst', value: '198.51.100.250' },
    timestamp: 1_600_000_000,
  })
  at(1_795_291_319).addAttribute(4, {
    ...{ id: 86, uuid: rowUuid(86), type: 'ip-dst', value: '198.51.100.251' },
    timestamp: 1_600_000_001,
  })
  at(1_795_291_321).softDelete(56)
  return at(1_795_291_350)
}

/** Until 20:08: an object is deleted, two old events come in, event 4 grows again. */
export function untilTheErrors(store: Store): Store {
  editEvent4(store)
  store.now = 1_795_291_389
  store.deleteObject(3, 2)
  store.addEvent({ id: 6, info: 'Old pulled event F', timestamp: 1_600_000_000, published: false })
  store.now = 1_795_291_390
  store.syncEventFromRemote({
    id: 7,
    uuid: '18f2bcb2-0d6c-4b52-9e8f-5cd0e8712a6f',
    info: 'sync pulled',
    date: '2021-01-01',
    timestamp: 1_610_000_000,
    distribution: 2,
    attributes: [
      { type: 'ip-dst', value: '198.51.100.61', uuid: rowUuid(88), timestamp: 1_610_000_000 },
    ],
  })
  store.addEvent({ id: 8, info: 'To be deleted', attributes: [] })
  store.deleteEvent(8)
  store.now = 1_795_291_392
  for (const value of ['198.51.100.205', '198.51.100.204', '198.51.100.131']) {
    store.addAttribute(4, { type: 'ip-dst', value })
  }
  store.now = 1_795_291_700
  return store
}

/** The uuids of attributes that came later, from the recordings that show them. */
function rowUuid(id: number): string {
  for (const name of ['last_on_event_unpublished_by_edit', 'synced_event_seen_by_last']) {
    const { body } = recording(name).response
    const found = new RegExp(`\\{"id":"${id}",[^{}]*?"uuid":"([0-9a-f-]+)"`).exec(body)
    if (found) return found[1]!
  }
  throw new RangeError(`no recording shows attribute ${id}`)
}
