/** Writes the demo's MISP feed into a folder: `manifest.json` and one file for each event. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../folder.js'
import type { DemoEvent } from './events.js'

const ORGC = { name: 'CERT Example', uuid: uuidOf(0, 0) }
const DAY = 86_400

export interface FeedOptions {
  readonly events: readonly DemoEvent[]
  /** Epoch seconds. */
  readonly now: number
}

export function writeFeed(folder: string, { events, now }: FeedOptions): void {
  makeFolder(folder)
  const manifest: Record<string, unknown> = {}
  for (const event of events) {
    const text = JSON.stringify({ Event: eventFile(event, now) })
    const uuid = uuidOf(event.number, 0)
    writeFileSync(join(folder, `${uuid}.json`), text)
    const integrity = { 'integrity:sha256': createHash('sha256').update(text).digest('hex') }
    manifest[uuid] = { ...manifestEntry(event, now), ...integrity }
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
}

function manifestEntry(event: DemoEvent, now: number) {
  const { info, tags } = event
  const timestamp = now - event.daysAgo * DAY
  const date = new Date(timestamp * 1000).toISOString().slice(0, 10)
  const Tag = tags.map((name) => ({ name }))
  return { Orgc: ORGC, Tag, info, date, analysis: 2, threat_level_id: 2, timestamp }
}

function eventFile(event: DemoEvent, now: number) {
  const entry = manifestEntry(event, now)
  const timestamp = String(entry.timestamp)
  return {
    ...entry,
    uuid: uuidOf(event.number, 0),
    timestamp,
    publish_timestamp: timestamp,
    published: true,
    Attribute: event.attributes.map(([type, value]) => ({
      // By type and value: what stays the same keeps its uuid when the event is written again.
      uuid: uuidOf(event.number, type, value),
      type,
      value,
      timestamp,
      to_ids: true,
      deleted: false,
      category: 'Network activity',
      comment: '',
    })),
  }
}

/** A uuid of version 4's shape that is the same each time. */
function uuidOf(...parts: readonly (string | number)[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ]
  return [...groups, hex.slice(20, 32)].join('-')
}
