/**
 * Whatever goes wrong on the way from MISP: either the sync ends as the store says, or it fails with
 * status 3 and nothing has changed anywhere.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SourceFault } from '../../src/errors.js'
import type { FaultSpec } from '../misp/faults.js'
import type { Store } from '../misp/store.js'
import { hasMemcached } from '../servers/memcached.js'
import { contents } from './contents.js'
import { DAY, domains, HOUR, NOW, Rig } from './rig.js'

let rig: Rig

function fill(store: Store): void {
  const old = { timestamp: NOW - DAY, publish_timestamp: NOW - DAY }
  for (const prefix of ['a', 'b', 'c']) {
    store.addEvent({ ...old, tags: ['tlp:green'], attributes: domains(60, prefix) })
  }
}

/** Something of everything, so that a pull has work to do. */
function change(store: Store): void {
  store.advance(HOUR)
  store.editAttribute(1, { value: 'moved.example.com' })
  store.softDelete(2)
  store.hardDelete(3)
  store.addAttribute(2, { type: 'ip-dst', value: '198.51.100.7' })
  store.deleteEvent(3)
  store.addEvent({ attributes: domains(5, 'new') })
  for (const id of store.events.keys()) store.publish(id)
  store.advance(HOUR)
}

/** Where it may strike: everywhere, the index, what is told of the events, the rows, the last look. */
const PLACES: Record<string, Partial<FaultSpec>> = {
  'every request': {},
  'the index': { path: 'events/index' },
  'the events': { path: 'events/index', after: 1 },
  'the rows': { path: 'restSearch' },
  'the last look': { path: 'events/index', after: 3 },
}

describe.skipIf(!hasMemcached())('a fault that stays', () => {
  let before: { ledger: unknown; memcached: unknown }
  const state = async () => ({
    ledger: await rig.house.dump(),
    memcached: await contents(rig.memcached!),
  })

  beforeAll(async () => {
    const source = { page_size: 100, timeout: '1s' }
    rig = await Rig.start({ memcached: true, source, attempts: 2 })
    fill(rig.store)
    await rig.syncRight()
    change(rig.store)
    before = await state()
  })
  afterEach(() => {
    rig.misp.faults.clear()
    rig.house.waits.length = 0
  })
  afterAll(() => rig.close())

  const faults: Record<string, [spec: FaultSpec, fault: SourceFault]> = {
    'a withdrawn key (403)': [{ kind: 'forbidden' }, 'forbidden'],
    'a rate limit (429)': [{ kind: 'rate-limit', reset: 1 }, 'rate-limited'],
    'an internal error (500)': [{ kind: 'error-500' }, 'server-error'],
    'a dead PHP (502 in HTML)': [{ kind: 'bad-gateway' }, 'server-error'],
    'maintenance (302)': [{ kind: 'login-redirect' }, 'maintenance'],
    'a login page (200 in HTML)': [{ kind: 'login-page' }, 'not-misp'],
    'a body cut by its length': [{ kind: 'cut-length' }, 'cut'],
    'a body cut between chunks': [{ kind: 'cut-chunked' }, 'cut'],
    'a body cut clean': [{ kind: 'cut-clean' }, 'cut'],
    'a body that breaks off at once': [{ kind: 'cut-clean', at: 0 }, 'cut'],
    'a reset connection': [{ kind: 'reset' }, 'unreachable'],
    'some other JSON': [{ kind: 'answer', status: 200, body: '{"ok":true}' }, 'not-misp'],
    'a JSON null': [{ kind: 'answer', status: 200, body: 'null' }, 'not-misp'],
  }
  for (const [what, [spec, fault]] of Object.entries(faults)) {
    for (const [where, place] of Object.entries(PLACES)) {
      it(`changes nothing: ${what} in ${where}`, () =>
        expectNothing({ ...spec, ...place } as FaultSpec, fault))
    }
  }

  for (const [what, at] of [
    ['from the beginning', undefined],
    ['in the middle', 0.5],
  ] as const) {
    it(`changes nothing: silence ${what} of the rows`, async () => {
      rig.house.configure({ attempts: 1 })
      const hang = { kind: 'hang', path: 'restSearch', ...(at && { at }) } as const
      await expectNothing(hang, 'timeout')
    })
  }

  it('changes nothing: a rate limit that asks for an hour, which is not waited for', async () => {
    await expectNothing({ kind: 'rate-limit', reset: 3600 }, 'rate-limited')
    expect(rig.house.waits).toEqual([])
  })

  it('and all is well as soon as it is over', () => rig.syncRight())

  async function expectNothing(spec: FaultSpec, fault: SourceFault): Promise<void> {
    rig.misp.faults.always(spec)
    const report = await rig.house.sync()
    expect(report.status).toBe(3)
    expect(report.sources).toMatchObject([{ ok: false, source: 'main', error: { fault } }])
    expect(report.sinks).toMatchObject([{ ok: true }])
    expect(await state()).toEqual(before)
  }
})

describe('a fault that passes, or does no harm', () => {
  beforeEach(async () => {
    rig = await Rig.start({ source: { page_size: 100, timeout: '1s' } })
    fill(rig.store)
    await rig.syncRight()
    change(rig.store)
  })
  afterEach(() => rig.close())

  const faults: Record<string, FaultSpec> = {
    'a rate limit': { kind: 'rate-limit', reset: 7 },
    'an internal error': { kind: 'error-500' },
    'a dead PHP': { kind: 'bad-gateway' },
    'a cut body': { kind: 'cut-length' },
    'a cut chunk': { kind: 'cut-chunked' },
    'a cut document': { kind: 'cut-clean' },
    'a reset': { kind: 'reset' },
  }
  for (const [what, spec] of Object.entries(faults)) {
    it(`is got over: ${what}, once in each request`, async () => {
      for (const path of ['events/index', 'restSearch']) {
        for (const after of [0, 1, 2]) rig.misp.faults.next({ ...spec, path, after: after * 2 })
      }
      await rig.syncRight()
      expect(rig.house.waits.length).toBeGreaterThanOrEqual(2)
    })
  }

  it('is got over: silence', async () => {
    rig.misp.faults.next({ kind: 'hang', path: 'restSearch' })
    await rig.syncRight()
  })

  it('waits as long as a rate limit says', async () => {
    rig.misp.faults.next({ kind: 'rate-limit', reset: 7 })
    await rig.syncRight()
    expect(rig.house.waits).toHaveLength(1)
    expect(rig.house.waits[0]).toBeGreaterThanOrEqual(7000)
  })

  const harmless: Record<string, FaultSpec> = {
    'a slow body': { kind: 'slow', bytes: 8192, everyMs: 5 },
    'wrong counts': { kind: 'wrong-counts' },
    'a count of nothing': { kind: 'wrong-counts', count: 0 },
    'rows that come twice': { kind: 'duplicates' },
    'fields of a later MISP': { kind: 'extra-fields' },
    'filters that are ignored': { kind: 'filters-ignored' },
    'a byte order mark': { kind: 'bom' },
    'a null among the rows': { kind: 'null-row' },
  }
  for (const [what, spec] of Object.entries(harmless)) {
    it(`does no harm: ${what}`, async () => {
      rig.misp.faults.always(spec)
      const report = await rig.house.sync()
      expect(report.status).toBe(0)
      rig.misp.faults.clear()
      await rig.syncRight()
      rig.store.addEvent({ attributes: domains(3, 'later') })
      await rig.syncRight()
    })
  }

  it('does no harm: pages that are too big for MISP', async () => {
    const settings = { ...rig.house.options.sources[0]!, page_size: 5000 }
    rig.house.configure({ sources: [settings as never] })
    rig.misp.faults.always({ kind: 'out-of-memory', path: 'restSearch', limitAbove: 160 })
    await rig.syncRight()
    const limits = rig.misp.requests.map(({ filters }) => filters.limit).filter(Boolean)
    expect(limits.slice(0, 2)).toEqual([100, 100])
    expect(limits).toContain(5000)
    expect(limits).toContain(2500)
  })

  it('takes what can be read, keeps the rest, and reads it again', async () => {
    rig.misp.faults.always({ kind: 'missing-fields', path: 'restSearch' })
    const report = await rig.house.sync()
    expect(report.status).toBe(0)
    const [source] = report.sources
    expect(source?.ok && source.warnings.join()).toMatch(/unreadable; what is known of them stays/)
    // Edited, deleted or as ever: of an event with nameless rows nothing is taken for gone.
    const known = [0, 1, 2, 3, 4].map((n) => `a${n}.example.com`)
    expect(await rig.values()).toEqual(expect.arrayContaining(known))
    rig.misp.faults.clear()
    await rig.syncRight()
  })

  it('knows what is gone though the row of another event can never be read', async () => {
    rig.house.configure({ guard: { revoke_percent: 100 } })
    await rig.syncRight()
    const [gone, unread] = rig.store.eventsById()
    const rows = rig.store.eventsById().map(({ id, uuid, timestamp }) => {
      return {
        id: String(id),
        uuid,
        timestamp: uuid === unread!.uuid ? '' : String(timestamp),
        published: true,
      }
    })
    const listed = rows.filter(({ uuid }) => uuid !== gone!.uuid)
    const body = JSON.stringify(listed)
    rig.misp.faults.next({ kind: 'answer', status: 200, body, type: 'application/json' })
    rig.store.deleteEvent(gone!.id)
    const { sources } = await rig.syncRight()
    const warnings = ['1 rows of the event index were unreadable']
    expect(sources).toMatchObject([{ unchanged: false, warnings }])
  })

  it('believes no index with unreadable rows to be whole', async () => {
    const body = JSON.stringify([null, { id: '1', uuid: 'x' }])
    rig.misp.faults.next({ kind: 'answer', status: 200, body, type: 'application/json' })
    const before = await rig.house.dump()
    const report = await rig.house.sync()
    expect(report.status).toBe(0)
    expect(await rig.house.dump()).toEqual(before)
    await rig.syncRight()
  })
})
