/** TLS, SASL and ASCII authentication, with a real memcached and, for SASL, the real Dalli. */
import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SinkUnavailable } from '../../../src/errors.js'
import type { Sink } from '../../../src/sinks/sink.js'
import { createAuthority } from '../../misp-client/certs.js'
import { hasDalli, hasMemcached, hasSasl, Memcached } from '../../servers/memcached.js'
import { heartbeat, inBatches, ipState, ipStates, POSITION } from '../states.js'
import { statesOf } from './kinds.js'
import { make, NEVER, type Settings } from './make.js'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'tipline-secure-'))
const running: Memcached[] = []
const sinks: Sink[] = []

// memcached gives up root, and then reads its files.
beforeAll(() => chmodSync(folder, 0o755))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close()
  for (const server of running.splice(0)) await server.stop()
})

describe.skipIf(!hasMemcached())('TLS', () => {
  const authority = createAuthority()
  const ca = file('ca.pem', authority.cert)
  const other = file('other.pem', createAuthority('Another').cert)

  it('to a server that a private authority vouches for', async () => {
    const server = await secure()
    const sink = open(server, { tls: { ca_file: ca } })
    await useIt(sink)
    expect(await server.read('misp-ip:10.0.0.1')).toBe('1#ip-dst')
  })

  it('with a certificate of our own where the server asks for one', async () => {
    const server = await secure([`ssl_verify_mode=2,ssl_ca_cert=${ca}`])
    const issued = authority.issue({ names: ['tipline.example'] })
    const client = file('client.pem', issued.cert + issued.key)
    await useIt(open(server, { tls: { ca_file: ca, client_pem_file: client } }))
    const error = await failureOf(open(server, { tls: { ca_file: ca } }))
    expect(error.message).toContain(`127.0.0.1:${server.securePort}`)
    expect(error.hint).toMatch(/client certificate/)
  })

  it('under the name in the certificate, where that is another than the host', async () => {
    const server = await secure([], ['cache.example'])
    await useIt(open(server, { tls: { ca_file: ca, server_name: 'cache.example' } }))
    const error = await failureOf(open(server, { tls: { ca_file: ca } }))
    expect(error.message).toMatch(
      /its certificate is for another name \(ERR_TLS_CERT_ALTNAME_INVALID/,
    )
    expect(error.hint).toMatch(/server_name/)
  })

  it.each([
    ['an unknown authority', { tls: {} }, /signed by an unknown authority/, /name .* tls\.ca_file/],
    [
      'another authority than the one that is named',
      { tls: { ca_file: other } },
      /signed by an unknown authority/,
      /no authority in \/.*other\.pem, which tls\.ca_file names, signed it/,
    ],
    [
      'no such file',
      { tls: { ca_file: '/nowhere/ca.pem' } },
      /ca_file .* can't be read \(ENOENT\)/,
      /PEM/,
    ],
    ['no PEM', { tls: { ca_file: '/dev/null' } }, /no certificate in PEM form/, /ca_file/],
    [
      'a client certificate that is none',
      { tls: { client_pem_file: '/dev/null' } },
      /client certificate can not be used/,
      /client_pem_file/,
    ],
    [
      'talking in the clear',
      {},
      /closed the connection|broke the connection|not asked for/,
      /TLS|log/,
    ],
  ])('and what is told of %s', async (_, settings: Settings, what, hint) => {
    const server = await secure()
    const error = await failureOf(open(server, { ...settings, timeout: 2 }))
    expect(error.message).toMatch(what)
    expect(error.message).toContain(`127.0.0.1:${server.securePort}`)
    expect(error.hint).toMatch(hint)
  })

  it('and what is told of a certificate that has expired', async () => {
    const server = await secure([], ['127.0.0.1'], new Date(Date.now() - 60_000))
    const error = await failureOf(open(server, { tls: { ca_file: ca } }))
    expect(error.message).toMatch(/has expired/)
  })

  it('and what is told of a server without TLS', async () => {
    const server = await start([])
    const error = await failureOf(make(server.address, { tls: { ca_file: ca } }))
    expect(error.message).toMatch(/does not speak TLS/)
    expect(error.hint).toMatch(/-Z/)
  })

  async function secure(
    options: readonly string[] = [],
    names = ['127.0.0.1'],
    to?: Date,
  ): Promise<Memcached> {
    const issued = authority.issue({ names, ...(to && { to, from: new Date(0) }) })
    const chain = file('chain.pem', issued.cert)
    const key = file('key.pem', issued.key)
    const all = [`ssl_chain_cert=${chain},ssl_key=${key}`, ...options].flatMap((o) => ['-o', o])
    return start(all, { tls: true })
  }

  function open(server: Memcached, settings: Settings): Sink {
    return make(`127.0.0.1:${server.securePort}`, { value: 'ids', ...settings })
  }
})

describe.skipIf(!hasMemcached())('ASCII authentication', () => {
  const auth = file('auth', 'tipline:secret\nother:x\n')
  const right = { auth: 'ascii', username: 'tipline', password: 'secret' } as const

  it('lets in who knows the password', async () => {
    const server = await start(['-Y', auth])
    await useIt(make(server.address, { value: 'ids', ...right }))
  })

  it.each([
    ['a wrong password', { ...right, password: 'wrong' }, /CLIENT_ERROR authentication failure/],
    ['no user name', {}, /CLIENT_ERROR unauthenticated/],
  ])('tells of %s, and not the password', async (_, settings: Settings, what) => {
    const server = await start(['-Y', auth])
    const error = await failureOf(make(server.address, settings))
    expect(error.message).toMatch(what)
    expect(error.message).toContain(server.address)
    expect(error.message).not.toContain('wrong')
    expect(error.hint).toMatch(/username and password/)
  })
})

describe.skipIf(!hasMemcached() || !hasSasl())('SASL', () => {
  const right = { auth: 'sasl', username: 'tipline@memcached', password: 'sécret' } as const

  beforeAll(() => {
    const db = join(folder, 'sasldb')
    const args = ['-p', '-c', '-a', 'memcached', '-f', db, '-u', 'memcached', 'tipline']
    execFileSync('saslpasswd2', args, { input: right.password })
    chmodSync(db, 0o644)
    file('memcached.conf', `mech_list: plain\nsasldb_path: ${db}\n`)
  })

  it('lets in who knows the password: everything but listing works', async () => {
    const sink = make((await sasl()).address, { value: 'ids', ...right })
    expect(sink.blind).toBe(true)
    await useIt(sink)
  })

  it('sets aside what the server refuses, and has the rest', async () => {
    const server = await sasl(['-I', '1k', '-o', 'slab_chunk_max=1024'])
    const sink = make(server.address, { value: 'ids', ...right })
    sinks.push(sink)
    await sink.open(NEVER)
    const large = ipState('198.51.100.1')
    const carriers = large.carriers.map((carrier) => ({
      ...carrier,
      source: 'x',
      type: 'y'.repeat(990),
    }))
    const good = ipStates(3000)
    const work = sink.apply(
      [...good.slice(0, 1500), { ...large, carriers }, ...good.slice(1500)],
      NEVER,
    )
    await expect(work).rejects.toMatchObject({ items: [{ item: 'ip:198.51.100.1' }] })
    expect(await sink.verify(good)).toEqual({ checked: 3000, missing: 0, different: 0 })
  })

  it('rebuilds by what was ever live, on several servers each key where it belongs', async () => {
    const addresses = (await Promise.all([sasl(), sasl(), sasl()])).map(({ address }) => address)
    const before = make(addresses.slice(0, 2), { value: 'ids', ...right })
    const after = make(addresses, { value: 'ids', ...right })
    const states = statesOf(2000)
    await before.open(NEVER)
    await before.rebuild(inBatches(states), NEVER)
    await after.open(NEVER)
    const gone = states.slice(0, 500).map((state) => ({ ...state, carriers: [] }))
    await after.rebuild(inBatches([...gone, ...states.slice(500)]), NEVER)
    await after.beat(heartbeat())
    sinks.push(before, after)
    expect(await after.verify([...gone, ...states.slice(500)])).toMatchObject({
      missing: 0,
      different: 0,
    })
    expect((await before.verify(states)).missing).toBeGreaterThan(500)
  })

  it.skipIf(!hasDalli())('is what Dalli speaks, by the variables that Logstash reads', async () => {
    const server = await sasl()
    const sink = make(server.address, { value: 'ids', ...right })
    await useIt(sink)
    const script = 'require "dalli"; print Dalli::Client.new(ARGV[0]).get_multi(ARGV[1])[ARGV[1]]'
    const env = {
      ...process.env,
      MEMCACHE_USERNAME: right.username,
      MEMCACHE_PASSWORD: right.password,
    }
    const args = ['-e', script, server.address, 'misp-ip:10.0.0.1']
    expect((await run('ruby', args, { env })).stdout).toMatch(/^1#ip-dst$/m)
  })

  it.each([
    [
      'a wrong password',
      { ...right, password: 'wrong' },
      /CLIENT_ERROR Auth failure/,
      /password.* may read/,
    ],
    ['no user name', {}, /no answer within 1 s/, /-S/],
    [
      'the other way',
      { ...right, auth: 'ascii' as const },
      /closed the connection|no answer/,
      /-S/,
    ],
  ])('tells of %s', async (_, settings: Settings, what, hint) => {
    const server = await sasl()
    const error = await failureOf(make(server.address, { ...settings, timeout: 1 }))
    expect(error.message).toMatch(what)
    expect(error.message).toContain(server.address)
    expect(error.hint).toMatch(hint)
  })

  it('tells of a server that asks for no user name', async () => {
    const server = await start([])
    const error = await failureOf(make(server.address, right))
    expect(error.message).toMatch(/refused: CLIENT_ERROR Unknown command/)
    expect(error.hint).toMatch(/username/)
  })

  function sasl(options: readonly string[] = []): Promise<Memcached> {
    return start(['-S', ...options], { env: { SASL_CONF_PATH: folder } })
  }
})

async function start(...given: Parameters<typeof Memcached.start>): Promise<Memcached> {
  const server = await Memcached.start(...given)
  running.push(server)
  return server
}

/** All that a cycle does. */
async function useIt(sink: Sink): Promise<void> {
  sinks.push(sink)
  expect(await sink.open(NEVER)).toBeNull()
  const states = [...ipStates(5000), ...statesOf(500)]
  await sink.rebuild(inBatches(states), NEVER)
  await sink.apply([ipState('10.0.0.0', [])], NEVER)
  await sink.remember(POSITION)
  await sink.beat(heartbeat())
  const wanted = [ipState('10.0.0.0', []), ...states.slice(1)]
  expect(await sink.verify(wanted)).toMatchObject({ missing: 0, different: 0 })
  expect(await sink.open(NEVER)).toEqual(POSITION)
  const { findings } = await sink.check(POSITION.ledger)
  expect(findings.filter(({ level }) => level === 'error')).toEqual([])
}

async function failureOf(sink: Sink): Promise<SinkUnavailable> {
  sinks.push(sink)
  const error = await sink.open(NEVER).catch((thrown) => thrown)
  expect(error).toBeInstanceOf(SinkUnavailable)
  return error
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, 0o644)
  return path
}
