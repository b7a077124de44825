/**
 * Writes a MISP feed as the feed generator does: `manifest.json`, `hashes.csv` and one
 * `<uuid>.json` for every published event (test/fixtures/misp-wire/feed_*.json).
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AttributeRow, EventSpec, MispEvent } from '../misp/model.js'
import { Store } from '../misp/store.js'

export interface FeedOptions {
  /** Whether the manifest carries `integrity:sha256` of each event file. Default false. */
  readonly integrity?: boolean
}

/** Makes the folder where needed; files of events that are gone stay, as the generator leaves them. */
export function makeFeed(
  folder: string,
  events: Store | readonly EventSpec[],
  options: FeedOptions = {},
): void {
  const store = events instanceof Store ? events : storeOf(events)
  mkdirSync(folder, { recursive: true })
  const manifest: Record<string, unknown> = {}
  const hashes: string[] = []
  for (const event of store.eventsById().filter((each) => each.published)) {
    const text = JSON.stringify(eventFile(store, event))
    writeFileSync(join(folder, `${event.uuid}.json`), text)
    manifest[event.uuid] = {
      ...manifestEntry(store, event),
      ...(options.integrity && { 'integrity:sha256': digest('sha256', text) }),
    }
    hashes.push(...hashLines(event))
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, 'hashes.csv'), hashes.map((line) => `${line}\n`).join(''))
}

function storeOf(events: readonly EventSpec[]): Store {
  const store = new Store()
  for (const event of events) store.addEvent(event)
  return store
}

function manifestEntry(store: Store, event: MispEvent) {
  return {
    Orgc: orgc(store, event),
    Tag: event.tags.map((name) => feedTag(store, name)),
    info: event.info,
    date: event.date,
    analysis: event.analysis,
    threat_level_id: event.threat_level_id,
    timestamp: event.timestamp,
  }
}

function orgc(store: Store, event: MispEvent) {
  const { name, uuid } = store.orgs.get(event.orgc_id)!
  return { name, uuid }
}

function feedTag(store: Store, name: string) {
  return { colour: store.tag(name).colour, local: false, name, relationship_type: '' }
}

function eventFile(store: Store, event: MispEvent) {
  const live = event.attributes().filter((row) => !row.deleted)
  const objects = event.objects.filter((object) => !object.deleted)
  return {
    Event: {
      analysis: String(event.analysis),
      date: event.date,
      extends_uuid: '',
      info: event.info,
      protected: false,
      publish_timestamp: String(event.publish_timestamp),
      published: true,
      threat_level_id: String(event.threat_level_id),
      timestamp: String(event.timestamp),
      uuid: event.uuid,
      Orgc: orgc(store, event),
      ...(event.tags.length > 0 && { Tag: event.tags.map((name) => feedTag(store, name)) }),
      Attribute: live.filter((row) => row.object_id === 0).map((row) => feedRow(store, row)),
      ...(objects.length > 0 && {
        Object: objects.map((object) => ({
          comment: '',
          deleted: false,
          description: `${object.name} object`,
          'meta-category': object.name,
          name: object.name,
          template_uuid: '688c46fb-5edb-40a3-8273-1af7923e2215',
          template_version: '24',
          timestamp: String(event.timestamp),
          uuid: object.uuid,
          ObjectReference: [],
          Attribute: live
            .filter((row) => row.object_id === object.id)
            .map((row) => ({ ...feedRow(store, row), object_relation: row.object_relation })),
        })),
      }),
    },
  }
}

function feedRow(store: Store, row: AttributeRow) {
  return {
    category: row.category,
    comment: row.comment,
    deleted: false,
    disable_correlation: false,
    ...(row.first_seen !== null && { first_seen: seen(row.first_seen) }),
    ...(row.last_seen !== null && { last_seen: seen(row.last_seen) }),
    timestamp: String(row.timestamp),
    to_ids: row.to_ids,
    type: row.type,
    uuid: row.uuid,
    value: row.value,
    ...(row.tags.length > 0 && { Tag: row.tags.map((name) => feedTag(store, name)) }),
  }
}

/** Python leaves whole seconds whole. */
function seen(time: string): string {
  return time.replace('.000000', '')
}

/** Both halves of a composite have a line of their own. */
function hashLines(event: MispEvent): string[] {
  return event
    .attributes()
    .filter((row) => !row.deleted)
    .flatMap((row) => (row.type.includes('|') ? row.value.split('|') : [row.value]))
    .map((value) => `${digest('md5', value)},${event.uuid}`)
}

function digest(algorithm: 'md5' | 'sha256', text: string): string {
  return createHash(algorithm).update(text).digest('hex')
}
