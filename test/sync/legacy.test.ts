/** Where MISP2memcached's own config leads: the keys and values that it would have written itself. */
import { afterEach, describe, expect, it } from 'vitest'
import { GROUP_TYPES } from '../../src/config/misp2memcached.js'
import type { AttributeRow, MispEvent } from '../misp/model.js'
import { Store } from '../misp/store.js'
import { smallWorld } from '../misp/world.js'
import { hasMemcached } from '../servers/memcached.js'
import { contents } from './contents.js'
import { sortedPieces } from './house.js'
import { DAY, HOUR, NOW, Rig } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

const TYPES = Object.values(GROUP_TYPES).flat()
const NAMESPACE = /^misp-(md5|sha1|sha256|sha512|imphash|ip|domain|url):/

/** Its algorithm, from LOGSTASH: plain types first, then composites by their halves; `id#type`, joined. */
class OldTool {
  readonly keys = new Map<string, string>()

  constructor(store: Store) {
    for (const type of TYPES) {
      for (const { event, row } of rowsOf(store)) {
        if (row.type === type) this.#take(event, row)
      }
    }
  }

  #take(event: MispEvent, { type, value }: AttributeRow): void {
    const [first = '', second = ''] = value.split('|')
    if (type === 'url') this.#put('url', value, event, type)
    else if (type.startsWith('ip-')) this.#put('ip', first, event, type)
    else if (type.startsWith('filename|')) this.#put(type.slice(9), second, event, type)
    else if (type === 'domain|ip') {
      this.#put('domain', first, event, type)
      this.#put('ip', second, event, type)
    } else this.#put(type, value, event, type)
  }

  #put(namespace: string, value: string, { id }: MispEvent, type: string): void {
    const key = `misp-${namespace}:${value}`
    const known = this.keys.get(key)
    const piece = `${id}#${type}`
    if (known?.split(',').includes(piece)) return
    this.keys.set(key, known === undefined ? piece : `${known},${piece}`)
  }
}

/** What its key saw: published or not, for detection, not deleted. */
function* rowsOf(store: Store): Generator<{ event: MispEvent; row: AttributeRow }> {
  for (const event of store.eventsById()) {
    if (event.distribution < 1) continue
    for (const row of event.attributes()) {
      const object = event.objects.find(({ id }) => id === row.object_id)
      const isShown = row.distribution > 0 && (object?.distribution ?? 5) > 0
      if (isShown && row.to_ids && !row.deleted) yield { event, row }
    }
  }
}

/** Twelve addresses, each in every event, by one type or another. */
function crowded(): Store {
  const store = new Store({ now: NOW })
  const types = ['ip-dst', 'ip-dst|port', 'ip-src', 'domain|ip']
  for (let event = 0; event < 12; event += 1) {
    const attributes = Array.from({ length: 12 }, (_, n) => {
      const type = types[(event + n) % types.length]!
      const address = `198.51.100.${n + 1}`
      const value = type === 'domain|ip' ? `d${n}.example.com|${address}` : address
      return { type, value: type === 'ip-dst|port' ? `${value}|443` : value }
    })
    store.addEvent({ timestamp: NOW - DAY, attributes })
  }
  return store
}

async function start(store: () => Store): Promise<void> {
  const filters = { types: TYPES, published: 'any' } as const
  rig = await Rig.start({ store, filters, memcached: true, guard: { growth_min: 100_000 } })
  await rig.syncRight()
}

/** The keys of its namespaces that it could write: printable ASCII without blanks, up to 250 bytes. */
async function written(): Promise<Map<string, string>> {
  return plain(await contents(rig.memcached!))
}

function plain(keys: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...keys].filter(([key]) => NAMESPACE.test(key) && /^[!-~]{1,250}$/.test(key)))
}

function byPiece(keys: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...keys].map(([key, value]) => [key, sortedPieces(value.split(','))]))
}

describe.skipIf(!hasMemcached())('in the place of MISP2memcached', () => {
  it('writes its keys and values, but for what harms', async () => {
    await start(() => smallWorld({ now: NOW }))
    const ours = byPiece(await written())
    const theirs = byPiece(plain(new OldTool(rig.store).keys))
    // A net is no address that a log would hold, and the hash of nothing would match every empty file.
    const left = ['misp-ip:192.0.2.0/24', 'misp-ip:2001:db8:abcd::/48']
    left.push('misp-md5:d41d8cd98f00b204e9800998ecf8427e')
    for (const key of left) delete theirs[key]
    // As in its log, and folded as a browser would ask for it.
    const added = ['misp-url:https://example.net/a|b?q=%22x%20y%22']
    added.push('misp-url:http://evil.example.com/Path/?a=1&b=%C3%BC')
    for (const key of added) delete ours[key]
    expect(ours).toEqual(theirs)
    expect(Object.keys(theirs).length).toBeGreaterThan(1500)
  })

  it('writes pieces in its order, where a value is in many events', async () => {
    await start(() => crowded())
    const ours = await written()
    const theirs = plain(new OldTool(rig.store).keys)
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
    const many = [...theirs].filter(([, value]) => value.includes(','))
    expect(many.length).toBe(24)
    const isComposite = (piece: string) => piece.includes('|')
    for (const [key, value] of many) {
      const pieces = ours.get(key)!.split(',')
      expect(sortedPieces(pieces)).toBe(sortedPieces(value.split(',')))
      const firstComposite = pieces.findIndex(isComposite)
      if (firstComposite >= 0) expect(pieces.slice(firstComposite).every(isComposite)).toBe(true)
    }
  })

  it('keeps its counter', async () => {
    await start(() => smallWorld({ now: NOW }))
    const count = async () => Number(await rig.memcached!.read('misp-stats'))
    expect(await count()).toBe((await written()).size)
    rig.store.deleteEvent(10)
    rig.store.editAttribute(rig.store.event(11).attributes()[0]!.id, { value: '198.51.100.250' })
    rig.store.advance(HOUR)
    await rig.syncRight()
    expect(await count()).toBe((await written()).size)
  })

  it('takes away what MISP has revoked, which it never did', async () => {
    await start(() => smallWorld({ now: NOW }))
    const before = await written()
    const rows = [10, 11, 12].flatMap((id) => rig.store.event(id).attributes())
    const gone = rows.filter((row) => row.to_ids && ['url', 'md5', 'sha256'].includes(row.type))
    for (const id of [10, 11, 12]) rig.store.deleteEvent(id)
    await rig.syncRight()
    const after = await written()
    expect(gone.length).toBeGreaterThan(5)
    for (const { event_id, type, value } of gone) {
      expect(before.get(`misp-${type}:${value}`)).toBe(`${event_id}#${type}`)
      expect(after.has(`misp-${type}:${value}`)).toBe(false)
    }
  })
})
