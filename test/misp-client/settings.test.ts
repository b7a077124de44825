import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { feedSourceSettings, mispSourceSettings } from '../../src/misp/settings.js'

const MISP = { name: 'main', url: 'https://misp.example.org', key: 'k' }
const FEED = { name: 'open', type: 'feed', url: 'https://feed.example.org/' }

describe('the settings of a MISP', () => {
  it('have defaults for all but name, URL and key', () => {
    expect(mispSourceSettings.parse(MISP)).toEqual({
      ...MISP,
      type: 'misp',
      ignore_cert_errors: false,
      page_size: 10_000,
      requests: 2,
      timeout: '120s',
      filters: { published: true, to_ids: true },
      every: '60s',
      absent_grace: '1h',
    })
  })

  it.each([
    ['key_file in place of key', { key: undefined, key_file: '/run/misp.key' }],
    ['unpublished events too', { filters: { published: 'any' } }],
    ['tags and types', { filters: { tags: ['tlp:%', '!tlp:red'], types: ['ip-dst'] } }],
    ['a span', { filters: { since: '90d' } }],
    ['a date', { filters: { since: '2028-02-29' } }],
    ['epoch seconds', { filters: { since: '1795300000' } }],
    ['a raw search', { search: { type: 'ip-dst|port', last: '3d', limit: 500 } }],
    ['a path', { url: 'https://portal.example.org/misp/' }],
    ['no proxy', { proxy: '' }],
  ])('take %s', (_, change) => {
    expect(mispSourceSettings.safeParse({ ...MISP, ...change }).success).toBe(true)
  })

  it.each([
    ['neither key nor key_file', { key: undefined }, 'key'],
    ['both key and key_file', { key_file: 'x' }, 'key'],
    ['a URL without scheme', { url: 'misp.example.org' }, 'url'],
    ['a file for a URL', { url: 'file:///etc/passwd' }, 'url'],
    ['a bare number of seconds', { every: '60' }, 'every'],
    ['a number', { every: 60 }, 'every'],
    ['a day that no calendar has', { filters: { since: '2026-02-30' } }, 'filters.since'],
    ['a month that no calendar has', { filters: { since: '2026-13-01' } }, 'filters.since'],
    ['MISP-unknown weeks', { filters: { since: '1w' } }, 'filters.since'],
    ['a page of nothing', { page_size: 0 }, 'page_size'],
    ['a name with a slash', { name: '../x' }, 'name'],
    ['to_ids as text', { filters: { to_ids: 'no' } }, 'filters.to_ids'],
    ['a key that it does not know', { verify: false }, ''],
  ])('refuse %s', (_, change, path) => {
    const result = mispSourceSettings.safeParse({ ...MISP, ...change })
    expect(result.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path])
  })
})

describe('the settings of a feed', () => {
  it('have defaults for all but name and place', () => {
    expect(feedSourceSettings.parse(FEED)).toEqual({
      ...FEED,
      ignore_cert_errors: false,
      timeout: '120s',
      filters: { to_ids: true },
      every: '1h',
    })
  })

  it.each([
    ['no place', { url: undefined }],
    ['two places', { path: './feed' }],
    ['no type', { type: undefined }],
  ])('refuse %s', (_, change) => {
    expect(feedSourceSettings.safeParse({ ...FEED, ...change }).success).toBe(false)
  })
})

describe('every setting', () => {
  it.each([
    ['misp', mispSourceSettings],
    ['feed', feedSourceSettings],
  ])('of a %s is described', (_, schema) => {
    const { properties = {} } = z.toJSONSchema(schema, { io: 'input' })
    const filters = properties.filters as { properties: Record<string, unknown> }
    const all = { ...properties, ...filters.properties } as Record<string, { description?: string }>
    const silent = Object.entries(all).filter(([, { description }]) => !description)
    expect(silent.map(([name]) => name)).toEqual([])
    expect(Object.keys(all).length).toBeGreaterThan(9)
  })
})
