import { request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { UsageError } from '../src/errors.js'
import { createLogger, silentLogger } from '../src/log.js'
import { createDispatcher, type DispatcherOptions, networkFault, proxyFor } from '../src/net.js'
import { createAuthority } from './misp-client/certs.js'
import { type Running, serve, serveTls, startProxy } from './misp-client/servers.js'

const running: { close(): Promise<void> }[] = []
const DAY_MS = 86_400_000

afterEach(async () => {
  for (const thing of running.splice(0).reverse()) await thing.close()
})

const EXEMPTIONS = [
  ['https://misp.example.org', 'misp.example.org', true],
  ['https://misp.example.org', 'example.org', true],
  ['https://misp.example.org', '.example.org', true],
  ['https://misp.example.org', '*.example.org', true],
  ['https://example.org', '.example.org', true],
  ['https://misp.example.org', 'xample.org', false],
  ['https://misp.example.org', 'example.org.test', false],
  ['https://misp.example.org', 'EXAMPLE.ORG', true],
  ['https://misp.example.org', 'other.test, example.org', true],
  ['https://misp.example.org', 'other.test example.org', true],
  ['https://misp.example.org', '*', true],
  ['https://misp.example.org', '', false],
  ['https://misp.example.org', ',,', false],
  ['https://misp.example.org', 'misp.example.org:443', true],
  ['https://misp.example.org', 'misp.example.org:8443', false],
  ['https://misp.example.org:8443', 'misp.example.org:8443', true],
  ['http://misp.example.org', 'misp.example.org:80', true],
  ['https://192.0.2.7', '192.0.2.7', true],
  ['https://192.0.2.7', '192.0.2.0/24', true],
  ['https://192.0.2.7', '198.51.100.0/24', false],
  ['https://192.0.2.7', '192.0.2.0/33', false],
  ['https://192.0.2.7', '2001:db8::/32', false],
  ['https://[2001:db8::7]', '2001:db8::/32', true],
  ['https://[2001:db8::7]:8443', '[2001:db8::7]:8443', true],
  ['https://[2001:db8::7]', '2001:db8::7', true],
  ['https://misp.example.org', '192.0.2.0/24', false],
] as const

describe('proxyFor', () => {
  it.each(EXEMPTIONS)('%s with NO_PROXY %j is exempt: %s', (url, no_proxy, isExempt) => {
    const proxy = 'http://proxy.example:3128'
    const env = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: no_proxy }
    expect(proxyFor(url, env)).toBe(isExempt ? undefined : proxy)
  })

  it('goes by the scheme of what is asked, and lower case wins', () => {
    const env = {
      HTTPS_PROXY: 'http://upper.example:3128',
      https_proxy: 'http://lower.example:3128',
      http_proxy: 'plain.example:3128',
    }
    expect(proxyFor('https://misp.example.org', env)).toBe('http://lower.example:3128')
    expect(proxyFor('http://misp.example.org', env)).toBe('http://plain.example:3128')
    expect(proxyFor('https://misp.example.org', {})).toBeUndefined()
    expect(proxyFor('https://misp.example.org', { ALL_PROXY: 'http://all.example' })).toBe(
      'http://all.example',
    )
  })
})

describe('TLS', () => {
  const authority = createAuthority()

  it('trusts a private authority when it is named', async () => {
    const server = await tls(authority.issue({ names: ['127.0.0.1'] }))
    expect(await get(server, { ca: authority.cert })).toBe('hello')
  })

  it('does not trust it when it is not', async () => {
    const server = await tls(authority.issue({ names: ['127.0.0.1'] }))
    expect(await faultOf(server)).toMatchObject({ fault: 'tls' })
  })

  it('trusts only the named authority', async () => {
    const server = await tls(authority.issue({ names: ['127.0.0.1'] }))
    const other = createAuthority('Another authority')
    expect(await faultOf(server, { ca: other.cert })).toMatchObject({ fault: 'tls' })
  })

  it('wants the name in the certificate', async () => {
    const server = await tls(authority.issue({ names: ['other.example'] }))
    const fault = await faultOf(server, { ca: authority.cert })
    expect(fault).toEqual({ fault: 'tls', code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('refuses a certificate that has expired', async () => {
    const from = new Date(Date.now() - 9 * DAY_MS)
    const to = new Date(Date.now() - 2 * DAY_MS)
    const server = await tls(authority.issue({ names: ['127.0.0.1'], from, to }))
    const fault = await faultOf(server, { ca: authority.cert })
    expect(fault).toEqual({ fault: 'tls', code: 'CERT_HAS_EXPIRED' })
  })

  it('takes any certificate when told to, and warns aloud once', async () => {
    const lines: string[] = []
    const destination = { write: (line: string) => lines.push(line) }
    const log = await createLogger({ level: 'info', pretty: false, destination })
    const server = await tls(authority.issue({ names: ['other.example'] }))
    const dispatcher = open(server, { ignoreCertErrors: true, log })
    for (let i = 0; i < 3; i++) await request(urlOf(server), { dispatcher })
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 40,
      host: `127.0.0.1:${server.port}`,
      msg: expect.stringContaining('CERTIFICATE ERRORS ARE IGNORED'),
    })
  })

  it('is missed where a port speaks plain HTTP', async () => {
    const server = await plain()
    const fault = await faultOf({ ...server, scheme: 'https' })
    expect(fault).toMatchObject({ fault: 'tls' })
  })

  it.each(['no certificate', '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n'])(
    'refuses a CA that is none: %j',
    (ca) => {
      const make = () => createDispatcher({ url: 'https://misp.example', ca, log: silentLogger() })
      expect(make).toThrow(UsageError)
    },
  )
})

describe('proxies', () => {
  const authority = createAuthority()

  it('tunnel TLS, with the private authority held against the end of the tunnel', async () => {
    const server = await tls(authority.issue({ names: ['127.0.0.1'] }))
    const proxy = await started(startProxy())
    const env = { HTTPS_PROXY: `http://user:pass%40word@127.0.0.1:${proxy.port}` }
    expect(await get(server, { ca: authority.cert, env })).toBe('hello')
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${server.port}`])
    expect(proxy.authorizations).toEqual([
      `Basic ${Buffer.from('user:pass@word').toString('base64')}`,
    ])
    expect(await faultOf(server, { env })).toMatchObject({ fault: 'tls' })
  })

  it('are asked for the whole URL where there is no TLS', async () => {
    const server = await plain()
    const proxy = await started(startProxy())
    const body = await get(server, { proxy: `http://127.0.0.1:${proxy.port}` })
    expect(body).toContain('by proxy')
    expect(proxy.asked).toEqual([`GET http://127.0.0.1:${server.port}/`])
  })

  it('are passed by for what NO_PROXY names, and with an empty setting', async () => {
    const server = await plain()
    const proxy = await started(startProxy())
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` }
    expect(await get(server, { env: { ...env, NO_PROXY: '127.0.0.0/8' } })).toBe('hello')
    expect(await get(server, { env, proxy: '' })).toBe('hello')
    expect(proxy.asked).toEqual([])
  })

  it('that refuse are unreachable', async () => {
    const server = await tls(authority.issue({ names: ['127.0.0.1'] }))
    const proxy = await started(startProxy({ status: 407 }))
    const options = { ca: authority.cert, proxy: `http://127.0.0.1:${proxy.port}` }
    expect(await faultOf(server, options)).toMatchObject({ fault: 'unreachable' })
  })

  it('that never answer are not waited for longer than a connection', async () => {
    const silent = await started(serve(() => undefined))
    const asked = new Promise<void>((resolve) => silent.server.on('connect', () => resolve()))
    const server = await tls(authority.issue({ names: ['127.0.0.1'] }))
    const proxy = `http://127.0.0.1:${silent.port}`
    const fault = await faultOf(server, { proxy, connectTimeoutMs: 50 })
    await asked
    expect(fault).toMatchObject({ fault: 'timeout' })
  })

  it.each(['socks5://127.0.0.1:1', 'not a url', 'ftp://127.0.0.1'])('refuses %j', (proxy) => {
    const make = () => createDispatcher({ url: 'https://misp.example', proxy, log: silentLogger() })
    expect(make).toThrow(UsageError)
  })
})

describe('networkFault', () => {
  it('knows a refused connection', async () => {
    const server = await plain()
    await server.close()
    expect(await faultOf(server)).toEqual({ fault: 'unreachable', code: 'ECONNREFUSED' })
  })

  it('knows a name that does not exist', async () => {
    const dispatcher = createDispatcher({ url: 'http://x.invalid', log: silentLogger(), proxy: '' })
    running.push(dispatcher)
    const error = await request('http://x.invalid', { dispatcher }).catch((error: unknown) => error)
    expect(networkFault(error)).toMatchObject({ fault: 'unreachable' })
  })

  it('looks into causes and into what was gathered from several addresses', () => {
    const inner = Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
    const gathered = new AggregateError([inner, inner])
    expect(networkFault(new Error('outer', { cause: gathered }))).toMatchObject({
      fault: 'unreachable',
    })
  })

  it('leaves alone what is no fault of the network', () => {
    expect(networkFault(new TypeError('a bug'))).toBeUndefined()
    expect(networkFault('text')).toBeUndefined()
    expect(networkFault(Object.assign(new Error('x'), { code: 'UND_ERR_INVALID_ARG' }))).toBe(
      undefined,
    )
  })
})

type Server = Running & { readonly scheme: 'http' | 'https' }

async function tls(issued: Parameters<typeof serveTls>[0]): Promise<Server> {
  const server = await started(serveTls(issued, (_, response) => response.end('hello')))
  return { ...server, scheme: 'https' }
}

async function plain(): Promise<Server> {
  return { ...(await started(serve((_, response) => response.end('hello')))), scheme: 'http' }
}

async function started<T extends Running>(starting: Promise<T>): Promise<T> {
  const server = await starting
  running.push(server)
  return server
}

function open(server: Server, options: Partial<DispatcherOptions>) {
  const dispatcher = createDispatcher({
    url: urlOf(server),
    env: {},
    log: silentLogger(),
    ...options,
  })
  running.push(dispatcher)
  return dispatcher
}

async function get(server: Server, options: Partial<DispatcherOptions> = {}): Promise<string> {
  const { body } = await request(urlOf(server), { dispatcher: open(server, options) })
  return body.text()
}

async function faultOf(server: Server, options: Partial<DispatcherOptions> = {}) {
  return networkFault(await get(server, options).catch((error: unknown) => error))
}

function urlOf({ scheme, port }: Server): string {
  return `${scheme}://127.0.0.1:${port}/`
}
