/**
 * What must be live after a sync, worked out straight from the stand-in's store: visible to the key,
 * published, marked for detection, not deleted, of a wanted type, with a wanted tag. It shares with
 * tipline only the normaliser and the policy, which have tests of their own.
 */
import { normalise } from '../../src/indicators/normalise.js'
import { MATCHABLE_TYPES } from '../../src/indicators/types.js'
import { createPolicy } from '../../src/policy/policy.js'
import { legacyPolicySettings, type PolicySettings } from '../../src/policy/settings.js'
import type { WarningList } from '../../src/policy/warninglist.js'
import type { AttributeRow, MispEvent } from '../misp/model.js'
import type { Store } from '../misp/store.js'
import { sortedPieces } from './house.js'

export interface Wanted {
  /** MISP's patterns: `%` for anything, `!` excludes. */
  readonly tags?: readonly string[]
  readonly toIds?: boolean
  readonly published?: true | 'any'
  readonly types?: readonly string[]
  /** Epoch seconds: only events that changed or were published since are loaded. */
  readonly since?: number
  readonly policy?: PolicySettings
  readonly lists?: readonly WarningList[]
}

interface Kept {
  readonly event: MispEvent
  readonly type: string
  readonly value: string
  readonly tags: readonly string[]
  readonly eventTags: readonly string[]
  readonly timestamp: number
  readonly lastSeen: string | null
}

/** Remembers events as they were last published: an edit unpublishes, and what it adds has to wait. */
export class Oracle {
  readonly #wanted: Wanted
  readonly #events = new Map<string, Map<string, Kept>>()

  constructor(wanted: Wanted = {}) {
    this.#wanted = wanted
  }

  /** Call once for each sync that succeeds. Answers each live key with its `event#type` pieces. */
  live(store: Store): Map<string, string> {
    const visible = store.eventsById().filter((event) => isVisible(event) && event.liveCount > 0)
    const uuids = new Set(visible.map(({ uuid }) => uuid))
    for (const uuid of this.#events.keys()) if (!uuids.has(uuid)) this.#events.delete(uuid)
    for (const event of visible) this.#see(event)
    return this.#keys(store.now)
  }

  #see(event: MispEvent): void {
    const known = this.#events.get(event.uuid)
    const { since = 0, published = true } = this.#wanted
    if (!known && event.timestamp < since && event.publish_timestamp < since) return
    const rows = new Map(this.#good(event).map((row) => [row.uuid, keep(event, row)]))
    if (published === 'any' || event.published) this.#events.set(event.uuid, rows)
    else for (const uuid of known?.keys() ?? []) if (!rows.has(uuid)) known?.delete(uuid)
  }

  #good(event: MispEvent): AttributeRow[] {
    const { tags = [], toIds = true, types = MATCHABLE_TYPES } = this.#wanted
    return event
      .attributes()
      .filter((row) => !row.deleted && isShown(event, row))
      .filter((row) => (row.to_ids || !toIds) && types.includes(row.type))
      .filter((row) => admits(tags, [...row.tags, ...event.tags]))
  }

  #keys(now: number): Map<string, string> {
    const policy = createPolicy(
      this.#wanted.policy ?? legacyPolicySettings,
      this.#wanted.lists ?? [],
    )
    const pieces = new Map<string, Set<string>>()
    for (const rows of this.#events.values()) {
      for (const kept of rows.values()) {
        for (const key of keysOf(kept, policy, now)) {
          pieces.set(key, (pieces.get(key) ?? new Set()).add(`${kept.event.id}#${kept.type}`))
        }
      }
    }
    return new Map([...pieces].sort().map(([key, of]) => [key, sortedPieces(of)]))
  }
}

/** Of the stand-in's read-only user. */
const OUR_ORG = 2

function isVisible({ distribution, org_id }: MispEvent): boolean {
  return org_id === OUR_ORG || (distribution >= 1 && distribution <= 3)
}

function isShown(event: MispEvent, { distribution, object_id }: AttributeRow): boolean {
  if (event.org_id === OUR_ORG) return true
  const object = event.objects.find(({ id }) => id === object_id)
  return passesOn(distribution) && (!object || passesOn(object.distribution))
}

function passesOn(distribution: number): boolean {
  return [1, 2, 3, 5].includes(distribution)
}

function admits(patterns: readonly string[], tags: readonly string[]): boolean {
  const has = (pattern: string) => tags.some((tag) => like(pattern).test(tag))
  const unwanted = patterns.filter((pattern) => pattern.startsWith('!'))
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'))
  if (unwanted.some((pattern) => has(pattern.slice(1)))) return false
  return wanted.length === 0 || wanted.some(has)
}

function like(pattern: string): RegExp {
  const parts = pattern.split('%').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'is')
}

function keep(event: MispEvent, row: AttributeRow): Kept {
  const { type, value, tags, timestamp, last_seen: lastSeen } = row
  return { event, type, value, tags, eventTags: event.tags, timestamp, lastSeen }
}

function keysOf(kept: Kept, policy: ReturnType<typeof createPolicy>, now: number): string[] {
  const normal = normalise(kept.type, kept.value)
  if (!normal.ok) return []
  return normal.meanings
    .filter((meaning) => {
      const kind = meaning.space === 'ip' && meaning.port > 0 ? 'ip-port' : meaning.space
      const lastSeen = kept.lastSeen === null ? null : Math.floor(Date.parse(kept.lastSeen) / 1000)
      return policy.judge({ ...kept, ...meaning, kind, lastSeen }, now).held === null
    })
    .map(({ space, value }) => `${space}:${value}`)
}
