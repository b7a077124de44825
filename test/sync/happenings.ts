/** Whatever may happen to a MISP, at random: for the fuzz of whole syncs. */
import type { AttributeRow, AttributeSpec } from '../misp/model.js'
import type { Store } from '../misp/store.js'

/** Few values, so that events share them; some can be no indicator of their type. */
const ATTRIBUTES: readonly AttributeSpec[] = [
  ...['a', 'b', 'c', 'd'].map((name) => ({ type: 'domain', value: `${name}.example.com` })),
  ...['a', 'b', 'x'].map((name) => ({ type: 'hostname', value: `${name}.example.com` })),
  ...[7, 8, 9].map((n) => ({ type: 'ip-dst', value: `198.51.100.${n}` })),
  ...[80, 443].map((port) => ({ type: 'ip-src|port', value: `198.51.100.7|${port}` })),
  { type: 'domain|ip', value: 'b.example.com|198.51.100.8' },
  { type: 'url', value: 'http://a.example.com/gate.php?id=1' },
  { type: 'md5', value: '0D61F8370CAD1D412F80B84D143E1257' },
  { type: 'filename|md5', value: 'evil name.exe|0d61f8370cad1d412f80b84d143e1257' },
  { type: 'md5', value: 'no hash' },
  { type: 'text', value: 'only words' },
  { type: 'comment', value: 'deleted' },
]
const TAGS = ['tlp:green', 'tlp:amber', 'TLP:RED', 'type:OSINT']
const REMOTES = [1, 2].map((n) => `18f2bcb2-0d6c-4b52-9e8f-00000000000${n}`)

/** mulberry32: 0 <= x < 1. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export class Happenings {
  readonly #random: () => number
  #synced = 1_600_000_000

  constructor(seed: number) {
    this.#random = randomFrom(seed)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!
  }

  /** One thing; nothing where there is nothing that it could happen to. */
  happen(store: Store): void {
    this.pick([
      () => this.#addEvent(store),
      () => this.#bring(store),
      ...(store.events.size > 0 ? [() => this.#toEvent(store), () => this.#toEvent(store)] : []),
      ...(rowsOf(store).length > 0 ? [1, 2, 3, 4].map(() => () => this.#toRow(store)) : []),
    ])()
  }

  #addEvent(store: Store): void {
    store.addEvent({
      published: this.chance(0.8),
      tags: this.chance(0.5) ? [this.pick(TAGS)] : [],
      attributes: this.#some(4),
    })
  }

  /** Through a sync from afar: old timestamps, published, whole. */
  #bring(store: Store): void {
    const uuid = this.pick(REMOTES)
    this.#synced += 1
    const attributes = this.#some(3).map((row, n) => ({
      ...row,
      uuid: `${uuid.slice(0, 35)}${n + 3}`,
    }))
    store.syncEventFromRemote({ uuid, timestamp: this.#synced, distribution: 2, attributes })
  }

  #toEvent(store: Store): void {
    const { id, tags } = this.pick(store.eventsById())
    this.pick([
      () => store.publish(id),
      () => store.publish(id),
      () => store.unpublish(id),
      () => store.addAttribute(id, this.pick(ATTRIBUTES)),
      () => store.tagEvent(id, this.pick(TAGS)),
      () => store.untagEvent(id, tags[0] ?? ''),
      () => store.editEvent(id, { info: `renamed at ${store.now}` }),
      () => store.lowerDistribution(id, this.pick([0, 1, 3])),
      () => store.deleteEvent(id),
    ])()
  }

  #toRow(store: Store): void {
    const row = this.pick(rowsOf(store))
    const spec = this.pick(ATTRIBUTES)
    this.pick([
      () => store.editAttribute(row.id, { type: spec.type, value: spec.value }),
      () => store.editAttribute(row.id, { comment: 'seen again' }),
      () => store.editAttribute(row.id, { distribution: this.pick([0, 5]) }),
      () => store.setToIds(row.id, !row.to_ids),
      () => store.tagAttribute(row.id, this.pick(TAGS)),
      () => store.untagAttribute(row.id, row.tags[0] ?? ''),
      () => store.softDelete(row.id),
      () => store.softDeleteSanitised(row.id),
      () => store.hardDelete(row.id),
      () => store.restore(row.id),
    ])()
  }

  #some(most: number): AttributeSpec[] {
    return Array.from({ length: Math.floor(this.#random() * (most + 1)) }, () =>
      this.pick(ATTRIBUTES),
    )
  }
}

function rowsOf(store: Store): readonly AttributeRow[] {
  return store.eventsById().flatMap((event) => event.attributes())
}
