/** What is told of a server that refuses or fails: which, what it said, what to do. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SinkUnavailable } from '../../../src/errors.js'
import type { Sink } from '../../../src/sinks/sink.js'
import { createAuthority } from '../../misp-client/certs.js'
import { freePort } from '../../servers/program.js'
import { hasRedis, Redis } from '../../servers/redis.js'
import { heartbeat, inBatches, ipState, ipStates, POSITION } from '../states.js'
import { make, NEVER, type Settings } from './make.js'

const GUIDE = fileURLToPath(new URL('../../../docs/guides/redis.md', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tipline-redis-test-'))
const running: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function start(...options: string[]): Promise<Redis> {
  const server = await Redis.start(options)
  running.push(server)
  return server
}

function sinkOn(url: string, settings: Settings = {}): Sink {
  const sink = make(url, { timeout: '2s', ...settings })
  running.push(sink)
  return sink
}

/** What it comes to when a key is to be written. */
async function told(url: string, settings: Settings = {}): Promise<string> {
  const sink = sinkOn(url, settings)
  const error = await sink
    .open(NEVER)
    .then(() => sink.apply([ipState('198.51.100.7')], NEVER))
    .then(
      () => new Error('it went well'),
      (error: unknown) => error,
    )
  if (!(error instanceof SinkUnavailable)) throw error
  return `${error.message} (${error.hint})`
}

describe.skipIf(!hasRedis())('a Redis that refuses', () => {
  it('NOAUTH, WRONGPASS, and a password that it does not want', async () => {
    const server = await start('--requirepass', 'open-sesame')
    expect(await told(server.url)).toMatch(
      /^redis 127\.0\.0\.1:\d+\/0: refused: NOAUTH Authentication required\. \(set sinks\.redis\.pass/,
    )
    const wrong = await told(server.url, { password: 'wrong-password' })
    expect(wrong).toMatch(/refused: WRONGPASS .*\(check sinks\.redis\.username and password/)
    expect(wrong).not.toContain('wrong-password')
    const right = sinkOn(server.url, { password: 'open-sesame' })
    await right.open(NEVER)
    await right.apply([ipState('198.51.100.7')], NEVER)
    const open = await start()
    expect(await told(open.url, { password: 'open-sesame' })).toMatch(/take sinks\.redis\.password/)
  })

  it('NOPERM, but not to the ACL user of the guide', async () => {
    const server = await start()
    const rule = /^ACL SETUSER tipline .*$/m.exec(readFileSync(GUIDE, 'utf8'))?.[0]
    expect(rule).toContain('>the-password')
    await server.ask(...rule!.split(' '))
    const user = { username: 'tipline', password: 'the-password' }
    const sink = sinkOn(server.url, { ...user, expires: { web: '1d' } })
    expect(await sink.open(NEVER)).toBeNull()
    const url = { ...ipState('http://example.test/', ['1']), space: 'url' }
    await sink.apply([...ipStates(10), url], NEVER)
    await sink.rebuild(inBatches(ipStates(5)), NEVER)
    await sink.apply(ipStates(1, []), NEVER)
    expect(await sink.verify(ipStates(5))).toEqual({ checked: 5, missing: 1, different: 0 })
    await sink.remember({ ...POSITION, settings: sink.settings })
    await sink.beat(heartbeat())
    expect((await sink.check(POSITION.ledger)).findings.map(({ level }) => level)).toEqual(
      Array(4).fill('ok'),
    )
    await server.ask('ACL', 'SETUSER', 'tipline', '-mset')
    expect(await told(server.url, user)).toMatch(
      /refused: NOPERM this user has no permissions to run the 'mset' command.*docs\/guides\/redis/,
    )
    await server.ask('ACL', 'SETUSER', 'tipline', '+mset', 'resetkeys', '~other:*')
    expect(await told(server.url, user)).toMatch(
      /NOPERM this user has no permissions to access one/,
    )
  })

  it('READONLY, and doctor names the primary', async () => {
    const [primary, replica] = [await start(), await start()]
    await replica.ask('REPLICAOF', '127.0.0.1', primary.port)
    expect(await told(replica.url)).toMatch(/refused: READONLY .*name the primary/)
    expect(await findings(replica.url)).toContain(
      `error is a replica of 127.0.0.1:${primary.port}, so nothing can be written`,
    )
  })

  it('OOM, and doctor says that its memory is full', async () => {
    const server = await start('--maxmemory', '2mb')
    const sink = sinkOn(server.url)
    await sink.open(NEVER)
    const work = sink.apply(ipStates(50_000), NEVER)
    await expect(work).rejects.toThrow(/refused: OOM/)
    expect((await findings(server.url)).join('\n')).toMatch(
      /warn uses [\d.]+ of 2 MiB \(maxmemory\)/,
    )
    // What is to go can go.
    await sink.apply(ipStates(50_000, []), NEVER)
  })

  it('MISCONF, when it can not save', async () => {
    const server = await start('--save', '3600 1')
    await server.ask('SET', 'canary', '1')
    rmSync(server.folder, { recursive: true })
    await expect(server.ask('SAVE')).rejects.toThrow()
    await server.ask('BGSAVE')
    await expect
      .poll(() => server.ask('INFO', 'persistence'), { timeout: 20_000 })
      .toContain('status:err')
    expect(await told(server.url)).toMatch(/refused: MISCONF .*is the disk full/)
    expect(await findings(server.url)).toContain(
      'warn could not save its last snapshot to its disk',
    )
  })

  it('LOADING, while it reads its data', async () => {
    const loading = await scripted('-LOADING Redis is loading the dataset in memory\r\n')
    expect(await told(loading)).toMatch(/refused: LOADING .*try again in a moment/)
  })

  it('a database that it does not have', async () => {
    const server = await start('--databases', '2')
    expect(await told(`${server.url}/2`)).toMatch(/DB index is out of range .*names a database/)
  })

  it('one connection too many', async () => {
    const server = await start('--maxclients', '1')
    const first = sinkOn(server.url)
    await first.open(NEVER)
    expect(await told(server.url)).toMatch(/max number of clients reached .*maxclients/)
  })

  it('a key of ours that is used for something else', async () => {
    const server = await start()
    await server.ask('SET', 'tipline:register', 'mine')
    expect(await told(server.url)).toMatch(/refused: WRONGTYPE .*sinks\.redis\.prefix/)
  })

  it('as a node of a cluster', async () => {
    const server = await start('--cluster-enabled', 'yes')
    expect(await told(server.url)).toMatch(/refused: CLUSTERDOWN .*node of a Redis Cluster/)
    expect((await findings(server.url)).join('\n')).toMatch(/CLUSTERDOWN|node of a Redis Cluster/)
  })

  async function findings(url: string): Promise<string[]> {
    const health = await sinkOn(url).check()
    return health.findings.map(({ level, message }) => `${level} ${message}`)
  }

  it('to spare what is ours, says doctor of allkeys-lru', async () => {
    const server = await start('--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru')
    expect((await findings(server.url)).join('\n')).toMatch(
      /error may throw out indicators, and the register of tipline's keys \(allkeys-lru\)/,
    )
    const sink = sinkOn(server.url)
    await sink.open(NEVER)
    await sink.apply(ipStates(50_000), NEVER)
    await sink.remember(POSITION)
    expect((await findings(server.url)).join('\n')).toMatch(/warn has thrown out \d+ keys for want/)
  })
})

describe('a server that is no good Redis', () => {
  it.each([
    ['speaks HTTP', /not the Redis protocol/, 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['hangs up', /closed the connection .*rediss/, null],
    ['is silent', /no answer within 0.3 s/, ''],
    ['stops half way', /no answer within 0.3 s/, '*1\r\n$5\r\nab'],
    [
      'is in protected mode',
      /DENIED .*protected mode/,
      '-DENIED Redis is running in protected mode',
    ],
  ])('%s', async (_, message, answer) => {
    const text = answer?.startsWith('-') ? `${answer}\r\n` : answer
    expect(await told(await scripted(text), { timeout: 0.3 })).toMatch(message)
  })

  it('is not there', async () => {
    const port = await freePort()
    expect(await told(`redis://127.0.0.1:${port}`)).toMatch(
      /^redis 127\.0\.0\.1:\d+\/0: refused the connection \(is redis-server running/,
    )
    expect(await told('redis://nobody.invalid')).toMatch(
      /its name (is not known|can not be looked up)/,
    )
    expect(await told(`unix://${folder}/none.sock`)).toMatch(/there is no such socket/)
  })

  it.skipIf(!hasRedis())('freezes in the middle', async () => {
    const server = await start()
    const sink = sinkOn(server.url, { timeout: 0.3 })
    await sink.open(NEVER)
    server.freeze()
    await expect(sink.apply(ipStates(10), NEVER)).rejects.toThrow(/no answer within 0.3 s/)
    const stop = new AbortController()
    const opening = sinkOn(server.url, { timeout: 60 }).open(stop.signal)
    setTimeout(() => stop.abort(new Error('stopped')), 50)
    await expect(opening).rejects.toThrow('stopped')
    server.thaw()
  })
})

describe.skipIf(!hasRedis())('TLS', () => {
  const authority = createAuthority()
  const client = authority.issue({ names: ['tipline'] })
  const port = { tls: 0 }

  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const ca_file = file('ca.pem', authority.cert)
  const client_pem_file = file('client.pem', client.cert + client.key)
  let server: Redis

  beforeAll(async () => {
    port.tls = await freePort()
    const issued = authority.issue({ names: ['127.0.0.1'] })
    server = await Redis.start([
      ...['--tls-port', String(port.tls), '--tls-ca-cert-file', ca_file],
      ...['--tls-cert-file', file('server.pem', issued.cert)],
      ...['--tls-key-file', file('server.key', issued.key)],
    ])
  })
  afterAll(() => server?.close())

  const url = () => `rediss://127.0.0.1:${port.tls}`

  it('with a private authority and a certificate of our own, as Redis wants it by default', async () => {
    const sink = sinkOn(url(), { ca_file, client_pem_file })
    await sink.open(NEVER)
    await sink.apply([ipState('198.51.100.7')], NEVER)
    expect(await server.read('misp-ip:198.51.100.7')).not.toBeNull()
  })

  it('without a certificate of our own, where the server asks for one', async () => {
    expect(await told(url(), { ca_file })).toMatch(/client_pem_file|closed the connection/)
    await server.ask('CONFIG', 'SET', 'tls-auth-clients', 'no')
    await sinkOn(url(), { ca_file }).open(NEVER)
    await server.ask('CONFIG', 'SET', 'tls-auth-clients', 'yes')
  })

  it('with another authority, another name, or in plain text', async () => {
    const other = file('other.pem', createAuthority('Another').cert)
    expect(await told(url(), { ca_file: other, client_pem_file })).toContain(
      `no authority in ${other}, which ca_file names, signed it`,
    )
    expect(await told(url(), { client_pem_file })).toMatch(
      /TLS failed \(.*name the authority that signed it in ca_file/,
    )
    const byName = url().replace('127.0.0.1', 'localhost')
    expect(await told(byName, { ca_file, client_pem_file })).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/)
    expect(await told(url().replace('rediss', 'redis'), { timeout: 1 })).toMatch(
      /rediss|without TLS/,
    )
    const plain = server.url.replace('redis', 'rediss')
    expect(await told(plain, { ca_file, timeout: 1 })).toMatch(/TLS failed|no answer|closed|broke/)
  })

  it('with files that are none', async () => {
    const empty = file('empty.pem', '')
    const missing = sinkOn(url(), { ca_file: join(folder, 'no.pem') })
    await expect(missing.open(NEVER)).rejects.toThrow(/ca_file .*no\.pem can't be read/)
    // As while a certificate is renewed, which must not end a daemon.
    await expect(missing.open(NEVER)).rejects.toBeInstanceOf(SinkUnavailable)
    expect((await missing.check()).findings[0]?.message).toMatch(/can't be read/)
    await expect(sinkOn(url(), { ca_file: empty }).open(NEVER)).rejects.toThrow(/no certificate/)
    const half = sinkOn(url(), { ca_file, client_pem_file: file('half.pem', client.cert) })
    await expect(half.open(NEVER)).rejects.toThrow(/client certificate can not be used/)
  })
})

describe.skipIf(!hasRedis())('a unix socket', () => {
  it('is as good as a port', async () => {
    const path = join(folder, 'redis.sock')
    const server = await start('--unixsocket', path, '--unixsocketperm', '700')
    const sink = sinkOn(`unix://${path}?db=2`)
    await sink.open(NEVER)
    await sink.apply([ipState('198.51.100.7')], NEVER)
    expect(await server.keys(2)).toContain('misp-ip:198.51.100.7')
    expect((await sink.check()).findings[0]?.message).toMatch(
      /^redis 7.* at .*redis\.sock\/2 answers$/,
    )
  })
})

/** A server that says this to whoever connects; null: it hangs up. */
async function scripted(answer: string | null): Promise<string> {
  const port = await freePort()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    if (answer === null) socket.end()
    else socket.on('data', () => socket.write(answer))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  running.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  return `redis://127.0.0.1:${port}`
}
