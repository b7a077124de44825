/** The page as it is served: what leaves, how large it is, and what the browser is forbidden. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PageFiles, readPageFiles } from '../../src/http/page-files.js'
import { type Answer, ApiHouse, READER, TOKENS } from './house.js'

/** Bytes: all that a first visit loads. */
const BUDGET = 100_000

const files: PageFiles = readPageFiles()
const names = [...files.keys()]

describe('the built page', () => {
  it('is there: one page, one script, one sheet, one icon', () => {
    // `npm run build` makes it.
    const kinds = names.map((name) => name.replace(/^\/assets\/\w+-[\w-]+\./, '.')).sort()
    expect(kinds).toEqual(['.css', '.js', '.svg', '/'])
  })

  it('loads in less than 100 kB', () => {
    const sizes = [...files.values()].map(({ gzip }) => gzip.length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(BUDGET)
  })

  it('names no file of the machine that it was built on', () => {
    const named = [...files.values()].filter(({ body }) => body.includes('/page/app.tsx'))
    expect(named).toHaveLength(0)
  })

  it('has nothing inline, and asks nobody else', () => {
    const index = files.get('/')!.body.toString()
    expect(index).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i)
    for (const [script] of index.matchAll(/<script[^>]*>[^<]*/g)) {
      expect(script).toMatch(/ src="\.\/assets\/[^"]+"><?$/)
    }
    expect(index).not.toMatch(/(src|href)="(?!\.\/assets\/)/)
    const sheet = files.get(names.find((name) => name.endsWith('.css'))!)!.body.toString()
    expect(sheet).not.toMatch(/url\(|@import/)
  })
})

describe('the page over HTTP', () => {
  let house: ApiHouse
  const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    house.ask(path, { headers })

  beforeAll(async () => {
    house = await ApiHouse.open([{ type: 'domain', value: 'evil.example' }], { tokens: TOKENS })
  })
  afterAll(() => house.close())

  it('needs no token, and shows nothing without one', async () => {
    expect(await get('/')).toMatchObject({ status: 200, text: files.get('/')!.body.toString() })
    expect((await get('/v1/status')).status).toBe(401)
    expect((await house.ask('/v1/status', { token: READER.token })).status).toBe(200)
  })

  it('forbids the browser whatever is not its own', async () => {
    for (const name of names) {
      const { headers } = await get(name)
      expect(headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
          "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
          "require-trusted-types-for 'script'; trusted-types 'none'",
      )
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      })
    }
  })

  it('is kept by the browser as long as it is the same', async () => {
    const { headers } = await get('/')
    expect(headers['cache-control']).toBe('no-cache')
    const again = await get('/', { 'if-none-match': String(headers.etag) })
    expect([again.status, again.text]).toEqual([304, ''])
    const asset = await get(names.find((name) => name.endsWith('.js'))!)
    expect(asset.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
    })
  })

  it('is compressed for whoever can read that', async () => {
    const { headers } = await get('/', { 'accept-encoding': 'gzip, br' })
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
    expect((await get('/')).headers['content-encoding']).toBeUndefined()
  })

  it.each([
    '/../package.json',
    '/assets/../../package.json',
    '/assets/..%2f..%2fpackage.json',
    '/%2e%2e/package.json',
    '/assets/',
    '/assets',
    '/index.html',
    '//etc/passwd',
    '/assets/%00',
  ])('is no way to %s', async (path) => {
    expect((await get(path)).status).toBe(404)
  })
})
