/**
 * The stand-in against the recordings: the same requests to the same world must give the same
 * status, headers, number of bytes and rows. Rows are compared as texts, in any order where none
 * was asked for.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixtureNames, type Recording, recording } from './fixtures.js'
import { editEvent4, recordedWorld, untilTheErrors } from './recorded.js'
import { type Standin, startStandin } from './standin.js'
import type { Store } from './store.js'

const names = fixtureNames()

/** Recordings whose question can't be asked of 84 attributes; traps.test.ts asks another way. */
const NEEDS_50000 = /^(page_(exact|short|after)|order_id_desc|order_list|order_timestamp)/

describe('an untouched world: filters, to_ids, switches', () => {
  const misp = world(recordedWorld)
  const stage = names.filter((name) => /^(f|to_ids|inc|m2m|misp2ch)_|^obj_attrs(_ctx)?$/.test(name))
  const later = new Set(['f_requested_attributes', 'f_ignore', 'f_sharinggroup'])
  it.each(stage.filter((name) => !later.has(name)))('%s', (name) => replay(misp(), name))
})

describe('after every kind of edit', () => {
  const misp = world(() => editEvent4(recordedWorld()))
  const stage = names.filter((name) =>
    /^(deleted_(?!attr_shape_sanitised)|changes_since_T_|last_on_|published1_on_)/.test(name),
  )
  it.each(stage)('%s', (name) => replay(misp(), name))
})

describe('after deletions and a sync: limits, paths, bodies, keys', () => {
  const misp = world(() => untilTheErrors(recordedWorld()))
  const exact = names.filter(
    (name) =>
      /^(limit_|obj_attrs_after|visibility_lost|order_id$)/.test(name) ||
      /^error_(bad_(?!key_plain)|bom|ct_|double|event_|eventid|first|get_no|get_url|good)/.test(
        name,
      ) ||
      /^error_(json_suffix|limit|lower|malformed|missing_key_get_json|missing_key$)/.test(name) ||
      /^error_(no_returnFormat|request|timestamp_(empty|junk|list|object)|trailing|type|uuid)/.test(
        name,
      ) ||
      /^error_(empty_key|invalid_utf8|wrong_ct_form|wrong_path)/.test(name) ||
      /^(page_without_limit|page_junk|page_way_after|f_requested|f_ignore)/.test(name) ||
      /^(servers_getVersion|feeds_index|attributes_describeTypes)/.test(name),
  )
  it.each(exact)('%s', (name) => replay(misp(), name))

  const everything = names.filter((name) =>
    /^error_(empty_(body|list|object)|json_(number|string)|no_ct|null|put|wrong_ct_text)/.test(
      name,
    ),
  )
  it.each(everything)('%s: all attributes', async (name) => {
    const { status, headers, rows } = await ask(misp(), recording(name))
    const all = await ask(misp(), recording('error_null'))
    expect(status).toBe(200)
    expect(rows.length).toBeGreaterThan(80)
    expect(rows.length).toBe(all.rows.length)
    expect(headers.get('x-result-count')).toBe(String(rows.length))
  })

  const counted = names.filter((name) =>
    /^(page_|order_bad|error_timestamp_(float|neg)|error_order)/.test(name),
  )
  it.each(counted.filter((name) => !NEEDS_50000.test(name)))('%s: counts', async (name) => {
    const recorded = recording(name)
    const { status, headers, rows } = await ask(misp(), recorded)
    const limit = (JSON.parse(recorded.request.body ?? '{}') as { limit?: number }).limit
    expect(status).toBe(recorded.response.status)
    expectHeaders(recorded, headers)
    if (status === 200 && !name.includes('way'))
      expect(rows.length).toBe(Number(limit ?? rows.length))
  })
})

describe('shapes of other answers', () => {
  const misp = world(() => untilTheErrors(recordedWorld()))
  it.each(['users_view_me', 'events_view', 'events_index_full'])('%s', async (name) => {
    const { text, headers, status } = await ask(misp(), recording(name))
    const recorded = recording(name).response
    expect(status).toBe(recorded.status)
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8')
    expect(shape(JSON.parse(text))).toEqual(shape(JSON.parse(recorded.body)))
  })

  it.each([
    'error_bad_key_plain_accept_no_ct',
    'error_missing_key_html',
    'error_missing_key_no_accept',
    'error_missing_key_get_html',
  ])('%s: HTML', async (name) => {
    const recorded = recording(name).response
    const { text, headers, status } = await ask(misp(), recording(name))
    expect(status).toBe(recorded.status)
    expect(headers.get('content-type')).toBe('text/html; charset=UTF-8')
    expect(headers.get('location')?.replace(/^http:\/\/[^/]+/, '')).toBe(
      status === 302 ? '/users/login' : undefined,
    )
    expect(text.includes('Authentication failed')).toBe(status === 403)
  })

  it('events_index_minimal_sorted: the same text', async () => {
    const { text } = await ask(misp(), recording('events_index_minimal_sorted'))
    expect(text).toBe(recording('events_index_minimal_sorted').response.body)
  })

  it('HEAD has the length and no body', async () => {
    const { text, headers, status } = await ask(misp(), recording('error_head'))
    expect([status, text]).toEqual([200, ''])
    expect(Number(headers.get('content-length'))).toBeGreaterThan(40_000)
  })
})

describe('what the server does to a key', () => {
  const misp = world(() => untilTheErrors(recordedWorld()))

  it('limits its rate', async () => {
    misp().users.readonly.rate_limit = 2
    for (const name of ['error_rate_limit_1', 'error_rate_limit_2', 'error_rate_limit_3']) {
      await replay(misp(), name)
    }
    await replay(misp(), 'error_rate_limit_getversion')
    await replay(misp(), 'error_rate_limit_4')
    misp().users.readonly.rate_limit = undefined
  })

  it('goes into maintenance', async () => {
    misp().maintenance = true
    await replay(misp(), 'error_maintenance_admin')
    await replay(misp(), 'error_maintenance_getversion')
    const { status, headers, text } = await ask(misp(), recording('error_maintenance_readonly'))
    expect([status, headers.get('location'), text]).toEqual([302, `${misp().url}/users/login`, ''])
    misp().maintenance = false
  })

  it('disables it', async () => {
    misp().users.readonly.disabled = true
    await replay(misp(), 'error_disabled_user')
    misp().users.readonly.disabled = false
  })

  it('fails behind nginx and in PHP', async () => {
    misp().faults.next({ kind: 'bad-gateway' })
    await replay(misp(), 'error_php_fpm_down_readonly')
    misp().faults.next({ kind: 'out-of-memory', limitAbove: 1000 })
    await replay(misp(), 'error_php_out_of_memory')
  })
})

describe('a synced event keeps its old timestamps', () => {
  const misp = world(() => untilTheErrors(recordedWorld()))
  beforeAll(() => {
    const rows = rowsOf(recording('synced_event_seen_by_last').response.body).map((row) =>
      JSON.parse(row),
    ) as { id: string; uuid: string; type: string; value: string; timestamp: string }[]
    misp().store.now = 1_795_291_975
    misp().store.syncEventFromRemote({
      uuid: '18f2bcb2-0d6c-4b52-9e8f-5cd0e8712a6f',
      info: 'sync pulled v2',
      timestamp: 1_610_009_999,
      attributes: rows.map(({ id, uuid, type, value, timestamp }) => ({
        ...{ uuid, type, value, timestamp: Number(timestamp) },
        ...(id === '150003' && { id: 150_003 }),
      })),
    })
  })
  const seen = names.filter((name) => name.startsWith('synced_event_seen_by_'))
  it.each(seen)('%s', async (name) => {
    const recorded = recording(name)
    const { rows, headers } = await ask(misp(), recorded)
    expectHeaders(recorded, headers)
    expect(rows.map(idOf).length).toBe(rowsOf(recorded.response.body).length)
  })
})

/** A stand-in for a block of tests. */
function world(make: () => Store): () => Standin {
  let misp: Standin
  beforeAll(async () => {
    misp = await startStandin({ store: make })
    misp.shuffles = false
  })
  afterAll(() => misp.close())
  return () => misp
}

interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly rows: string[]
}

async function ask(misp: Standin, { request }: Recording): Promise<Answered> {
  const { method, path, headers, body } = request
  const response = await fetch(misp.url + path.replace(/^\/\//, '/./'), {
    ...{ method, headers: keyed(misp, headers), redirect: 'manual' },
    ...(body !== null && method !== 'GET' && method !== 'HEAD' && { body: bytesOf(request) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, rows: rowsOf(text) }
}

/** The one body that is no UTF-8 can't stand in a JSON file. */
function bytesOf({ body }: Recording['request']): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(body ?? '')
  return body?.includes('\ufffd')
    ? new Uint8Array(Buffer.from(body.replaceAll('\ufffd', '\u00ff'), 'latin1'))
    : bytes
}

function keyed(misp: Standin, headers: Readonly<Record<string, string>>): [string, string][] {
  const { admin, sync, user, readonly } = misp.keys
  const keys: Record<string, string> = { ADMIN: admin, SYNC: sync, USER: user, READONLY: readonly }
  return Object.entries(headers)
    .map(([name, value]): [string, string] => [
      name,
      value.replace(/<API_KEY_(\w+)>/, (_, who: string) => keys[who]!),
    ])
    .filter(([, value]) => value !== '')
}

/** Everything the recording tells: status, type, X- headers, length, and every row as a text. */
async function replay(misp: Standin, name: string): Promise<void> {
  const recorded = recording(name)
  const { status, headers, text, rows } = await ask(misp, recorded)
  expect(status).toBe(recorded.response.status)
  expectHeaders(recorded, headers)
  expect(Buffer.byteLength(text)).toBe(recorded.response.body_bytes)
  const wanted = rowsOf(recorded.response.body)
  if (wanted.length === 0) expect(text).toBe(recorded.response.body)
  expect(rows.toSorted()).toEqual(expect.arrayContaining(wanted))
  if (!recorded.response.body_truncated) expect(rows.toSorted()).toEqual(wanted.toSorted())
}

function expectHeaders(recorded: Recording, headers: Headers): void {
  for (const [name, value] of recorded.response.headers) {
    if (/^(x-(?!xss)|content-type)/i.test(name))
      expect([name, headers.get(name)]).toEqual([name, value])
  }
}

/** The rows of a search as texts; of a cut body, those that are whole. */
function rowsOf(body: string): string[] {
  const start = body.indexOf('{"response": {"Attribute": [')
  if (start < 0) return []
  const list = body.slice(28).replace(/\]\}\}\n$/, '')
  const rows = list.split(/,(?=\{"id":"\d+","event_id")/).filter((row) => row !== '')
  return body.endsWith(']}}\n') ? rows : rows.slice(0, -1)
}

function idOf(row: string): string {
  return (JSON.parse(row) as { id: string }).id
}

/** Keys in their order and the kinds of their values; a list by its first element. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape)
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  return Object.entries(value).map(([key, inner]) => [key, shape(inner)])
}
