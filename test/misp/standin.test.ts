/**
 * The traps of a real MISP that need more than one request, or more attributes than the
 * recordings' replays have. Each says which way of asking falls into it, and which does not.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, index, post, search } from './asking.js'
import { type Standin, startStandin } from './standin.js'
import { Store } from './store.js'
import { bulkWorld, smallWorld, touch } from './world.js'

const NOW = 1_795_300_000
const BY_ID = { order: 'Attribute.id asc' }

let misp: Standin
beforeAll(async () => {
  misp = await startStandin({ store: () => smallWorld({ now: NOW }) })
})
beforeEach(() => misp.reset())
afterAll(() => misp.close())

describe('the small world', () => {
  it('is like the recorded MISP', async () => {
    const all = await search(misp, { deleted: [0, 1] }, misp.keys.admin)
    expect(misp.store.events.size).toBe(100)
    expect(all.rows.length).toBeGreaterThan(1500)
    expect(new Set(all.rows.map((row) => row.uuid)).size).toBe(all.rows.length)
    expect(all.rows.filter((row) => row.deleted)).toHaveLength(1)
  })

  it('holds nothing but values of the documentation', async () => {
    const { rows } = await search(misp, { type: ['ip-dst', 'ip-src', 'domain', 'hostname', 'url'] })
    const ours =
      /^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+(\/\d+)?$|^2001:db8:|example|\.test(\/|$)/
    expect(rows.map((row) => row.value).filter((value) => !ours.test(value))).toEqual([])
  })

  it('shows each key what its organisation may see', async () => {
    const [all, some] = [
      await search(misp, {}, misp.keys.admin),
      await search(misp, {}, misp.keys.readonly),
    ]
    expect(all.rows.length - some.rows.length).toBe(5)
    expect((await index(misp, {}, misp.keys.admin)).length - (await index(misp)).length).toBe(1)
  })

  it('takes the Date header and relative times from the clock of the store', async () => {
    const response = await get(misp, '/servers/getVersion')
    expect(response.headers.get('date')).toBe(new Date(NOW * 1000).toUTCString())
    expect((await search(misp, { last: '3d' })).rows.length).toBeGreaterThan(0)
    misp.store.advance(400 * 86_400)
    expect((await search(misp, { last: '3d' })).rows).toEqual([])
  })
})

describe('paging', () => {
  const event = { eventid: '1' }
  const size = 38

  it('counts one more on a full page, n on a short one, 1 past the end', async () => {
    expect((await search(misp, { ...event, limit: size })).counted).toBe(size + 1)
    expect((await search(misp, { ...event, limit: size + 1 })).counted).toBe(size)
    const past = await search(misp, { ...event, limit: size, page: 2 })
    expect([past.counted, past.rows]).toEqual([1, []])
    expect((await search(misp, { ...event, eventid: 'none' })).counted).toBe(0)
  })

  it('has no default order: pages without one lose rows', async () => {
    expect((await walk({ ...event, limit: 10 })).size).toBeLessThan(size)
    expect((await walk({ ...event, limit: 10, order: 'Attribute.banana asc' })).size).toBeLessThan(
      size,
    )
  })

  it('has all rows by id, and by event and id', async () => {
    const { rows } = await search(misp, { deleted: [0, 1] })
    expect(await walk({ ...BY_ID, deleted: [0, 1], limit: 100 })).toEqual(
      new Set(rows.map((row) => Number(row.id)).toSorted((a, b) => a - b)),
    )
    const order = ['Attribute.event_id asc', 'Attribute.id asc']
    const walked = await walk({ order, deleted: [0, 1], limit: 100 })
    expect(walked.size).toBe(rows.length)
  })

  it('filters by warninglists after the limit, so that pages run short before the end', async () => {
    const asked = { ...event, ...BY_ID, enforceWarninglist: 1 }
    const whole = await search(misp, asked)
    expect([whole.counted, whole.skipped, whole.rows.length]).toEqual([size, 3, size - 3])
    const last = await search(misp, { ...asked, limit: size })
    expect([last.counted, last.skipped, last.rows.length]).toEqual([size, 3, size - 3])
    const pages = [1, 2, 3, 4].map((page) => search(misp, { ...asked, limit: 10, page }))
    const short = (await Promise.all(pages)).filter((page) => page.rows.length < 10)
    expect(short.length).toBeGreaterThan(1)
    for (const page of short.slice(0, -1)) expect(page.rows.length + page.skipped).toBe(10)
  })

  it('drifts by offset when rows leave it, and not with deleted rows in it', async () => {
    const lost = async (asked: Record<string, unknown>) => {
      misp.reset()
      const before = await search(misp, { ...event, ...asked, limit: 100 })
      misp.faults.next({ kind: 'drift', path: 'restSearch', after: 1 })
      const walked = await walk({ ...event, ...asked, limit: 10 })
      return before.ids.filter((id) => !walked.has(id)).length
    }
    expect(await lost(BY_ID)).toBe(3)
    expect(await lost({ ...BY_ID, deleted: [0, 1] })).toBe(0)
  })
})

describe('learning what changed', () => {
  const since = { timestamp: NOW + 60 }
  beforeEach(() => {
    misp.store.advance(100)
  })

  it('to_ids:1 with a timestamp shows neither a to_ids flip nor a deletion', async () => {
    misp.store.setToIds(1, false)
    misp.store.softDelete(2)
    expect((await search(misp, { ...since, to_ids: 1 })).ids).toEqual([])
    const both = await search(misp, { ...since, deleted: [0, 1] })
    expect(both.ids.toSorted()).toEqual([1, 2])
  })

  it('a timestamp misses event tags, hard deletes, lost events and what came with old times', async () => {
    const { store } = misp
    store.tagEvent(1, 'tlp:red')
    store.hardDelete(2)
    store.deleteEvent(7)
    store.lowerDistribution(9)
    store.addAttribute(1, { type: 'domain', value: 'old.example', timestamp: 1_600_000_000 })
    store.tagAttributeLocally(3, 'mine')
    expect((await search(misp, { ...since, deleted: [0, 1] })).ids).toEqual([])
    const seen = await index(misp)
    expect(seen.find((row) => row.id === '1')!.timestamp).toBe(String(NOW + 100))
    expect(seen.filter((row) => row.id === '7' || row.id === '9')).toEqual([])
    expect((await get(misp, '/events/view/7')).status).toBe(404)
    expect((await get(misp, '/events/view/9')).status).toBe(404)
    expect((await get(misp, '/events/view/9', misp.keys.admin)).status).toBe(200)
  })

  it('an edit takes an event out of published:1 and leaves it in last', async () => {
    misp.store.editAttribute(1, { comment: 'x' })
    expect((await search(misp, { eventid: 1, published: 1 })).rows).toEqual([])
    expect((await search(misp, { eventid: 1, last: '5d' })).rows.length).toBeGreaterThan(0)
    misp.store.publish(1)
    expect((await search(misp, { eventid: 1, published: 1 })).rows.length).toBeGreaterThan(0)
  })

  it('a sanitised row escapes a filter by type', async () => {
    const { uuid, type } = misp.store.attribute(1)
    misp.store.softDeleteSanitised(1)
    const typed = await search(misp, { ...since, type, deleted: [0, 1] })
    const all = await search(misp, { ...since, deleted: [0, 1] })
    expect(typed.rows).toEqual([])
    expect(all.rows).toMatchObject([{ uuid, type: 'comment', value: 'deleted', to_ids: false }])
  })

  it('one value can be deleted and live in one event, and live in another', async () => {
    const { value, type } = misp.store.attribute(8)
    misp.store.softDelete(8)
    misp.store.addAttribute(1, { type, value })
    misp.store.addAttribute(2, { type, value })
    const { rows } = await search(misp, { value, deleted: [0, 1] })
    expect(rows.map((row) => [row.event_id, row.deleted]).toSorted()).toEqual([
      ['1', false],
      ['1', true],
      ['2', false],
    ])
  })

  it('the index can be asked for some events, by id or uuid, and by time', async () => {
    const { uuid } = misp.store.event(4)
    expect((await index(misp, { eventid: ['1', uuid, '999'] })).map((row) => row.id)).toEqual([
      ...['1', '4'],
    ])
    misp.store.publish(3)
    misp.store.editAttribute(1, { comment: 'x' })
    const ids = (rows: { id: string }[]) => rows.map((row) => row.id)
    expect(ids(await index(misp, since))).toEqual(['1'])
    expect(ids(await index(misp, { publish_timestamp: NOW + 60 }))).toEqual(['3'])
  })

  it('an event without a live attribute is not in the minimal index', async () => {
    misp.store.addEvent({ id: 500, info: 'bare' })
    for (const row of misp.store.event(2).attributes()) misp.store.softDelete(row.id)
    const ids = (await index(misp)).map((row) => row.id)
    expect([ids.includes('500'), ids.includes('2')]).toEqual([false, false])
    const full = (await (await post(misp, '/events/index', {})).json()) as { id: string }[]
    expect(full.map((row) => row.id)).toEqual(expect.arrayContaining(['2', '500']))
  })

  it('a later MISP shows deleted rows to sync keys only', async () => {
    misp.store.deletedNeedsSync = true
    misp.store.softDelete(1)
    const asked = { ...since, deleted: [0, 1] }
    expect((await search(misp, asked, misp.keys.readonly)).ids).toEqual([])
    expect((await search(misp, asked, misp.keys.sync)).ids).toEqual([1])
  })
})

describe('tags', () => {
  it('come twice when event and attribute share one', async () => {
    misp.store.tagAttribute(1, 'tlp:amber')
    const { rows } = await search(misp, { eventid: 1, includeEventTags: 1, ...BY_ID, limit: 2 })
    expect(rows.map((row) => row.Tag?.map((tag) => [tag.name, tag.inherited]))).toEqual([
      [
        ['tlp:amber', undefined],
        ['tlp:amber', 1],
      ],
      [['tlp:amber', 1]],
    ])
  })
})

describe('warninglists', () => {
  it('are listed, and shown one by one', async () => {
    const list = (await (await get(misp, '/warninglists')).json()) as {
      Warninglists: { Warninglist: { id: string; warninglist_entry_count: string } }[]
    }
    expect(list.Warninglists.map((each) => each.Warninglist.id)).toEqual(['4', '3', '2', '1'])
    const one = (await (await get(misp, '/warninglists/view/2')).json()) as {
      Warninglist: { type: string; WarninglistEntry: { value: string }[] }
    }
    expect(one.Warninglist.type).toBe('hostname')
    expect(one.Warninglist.WarninglistEntry.map((entry) => entry.value)).toEqual([
      ...['www.example.com', 'cdn.example.net'],
    ])
    expect((await get(misp, '/warninglists/view/99')).status).toBe(404)
  })
})

describe('the log of requests', () => {
  it('tells what was asked and answered', async () => {
    await search(misp, { eventid: 4 })
    await post(misp, '/attributes/nothing', {}, 'wrong')
    expect(misp.requests).toMatchObject([
      { method: 'POST', path: '/attributes/restSearch', filters: { eventid: 4 }, status: 200 },
      { method: 'POST', path: '/attributes/nothing', body: '{}', status: 403, rows: 0 },
    ])
    expect(misp.requests[0]!.rows).toBe(19)
    misp.reset()
    expect(misp.requests).toEqual([])
  })
})

describe('a bulk world', () => {
  const order = ['Attribute.event_id asc', 'Attribute.id asc']
  it('serves lists of events whole, by pages, and the same each time', async () => {
    misp.store = bulkWorld({ attributes: 12_000, now: NOW })
    const events = await index(misp)
    const eventid = events.slice(10, 25).map((event) => event.id)
    const asked = { eventid, deleted: [0, 1], order }
    const whole = await search(misp, asked)
    expect(await walk({ ...asked, limit: 1000 })).toEqual(new Set(whole.ids))
    expect(whole.ids).toEqual(whole.ids.toSorted((a, b) => a - b))
    expect((await search(misp, asked)).rows).toEqual(whole.rows)
    expect((await search(misp, BY_ID)).counted).toBe(12_000)
  })

  it('has the shares of a real one', async () => {
    misp.store = bulkWorld({ attributes: 10_000, now: NOW })
    const { rows } = await search(misp, {})
    const share = (types: RegExp) => rows.filter((row) => types.test(row.type)).length / rows.length
    expect(share(/^ip-|^domain\|ip/)).toBeCloseTo(0.4, 1)
    expect(share(/^(domain|hostname)$/)).toBeCloseTo(0.25, 1)
    expect(share(/^url$/)).toBeCloseTo(0.15, 1)
    expect(share(/md5|sha/)).toBeCloseTo(0.2, 1)
    expect(new Set(rows.map((row) => `${row.event_id} ${row.type} ${row.value}`)).size).toBe(10_000)
  })

  it('changes where it is touched and nowhere else', async () => {
    misp.store = bulkWorld({ attributes: 5000, eventsOf: 100, now: NOW })
    const before = await search(misp, BY_ID)
    misp.store.advance(50)
    const touched = touch(misp.store, 10)
    const after = await search(misp, BY_ID)
    const changed = after.rows.filter((row, i) => row.value !== before.rows[i]!.value)
    expect(changed.map((row) => Number(row.id))).toEqual(touched)
    expect((await index(misp, { timestamp: NOW + 50 })).length).toBe(10)
    const moved = await search(misp, { timestamp: NOW + 50, ...BY_ID })
    expect(moved.ids).toEqual(touched)
  })

  it('is shuffled too where no order is asked for', async () => {
    misp.store = bulkWorld({ attributes: 25_000, now: NOW })
    expect((await walk({ limit: 2500 })).size).toBeLessThan(25_000)
  })

  it('holds the pace it was given', async () => {
    misp.store = new Store({ now: NOW })
    const attributes = Array.from({ length: 1200 }, (_, i) => ({ type: 'AS', value: String(i) }))
    misp.store.addEvent({ attributes })
    const seconds = async () => {
      const start = performance.now()
      await search(misp, {})
      return (performance.now() - start) / 1000
    }
    misp.pace = 4000
    expect(await seconds()).toBeGreaterThan(0.25)
    misp.pace = undefined
  })
})

/** Pages through a search until a page can't be followed by another; the ids that were seen. */
async function walk(
  filters: { readonly limit: number } & Record<string, unknown>,
): Promise<Set<number>> {
  const seen = new Set<number>()
  for (let page = 1; ; page++) {
    const { ids, skipped } = await search(misp, { ...filters, page })
    for (const id of ids) seen.add(id)
    if (ids.length + skipped < filters.limit) return seen
  }
}
