import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { SinkRejected, SinkUnavailable } from '../../../src/errors.js'
import type { Sink } from '../../../src/sinks/sink.js'
import { hasMemcached, Memcached } from '../../servers/memcached.js'
import { carrier, inBatches, ipState, ipStates, NOW } from '../states.js'
import { make, NEVER } from './make.js'
import { afterOpening, type Scripted, SETTINGS_ANSWER, scripted } from './scripted.js'

const running: { close?(): unknown; stop?(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of running.splice(0).reverse()) {
    await one.close?.()
    await one.stop?.()
  }
})

describe('a server that is no good memcached', () => {
  it.each([
    [
      'speaks HTTP',
      /not asked for: HTTP/,
      (s: Socket) => s.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ],
    ['is full', /Too many open/, (s: Socket) => s.end('ERROR Too many open connections\r\n')],
    ['hangs up', /closed the connection/, (s: Socket) => s.end()],
    ['breaks off', /broke the connection off/, (s: Socket) => s.resetAndDestroy()],
    ['is silent', /no answer within 0.3 s/, () => undefined],
    ['stops half way', /no answer within 0.3 s/, (s: Socket) => s.write('VERSION 1.6.1')],
    ['never ends a line', /not asked for: AAAA/, (s: Socket) => s.write('A'.repeat(100_000))],
    ['is old', /is memcached 1\.6\.9$/, (s: Socket) => s.write('VERSION 1.6.9\r\n')],
    ['is older', /is memcached 1\.5\.22$/, (s: Socket) => s.write('VERSION 1.5.22\r\n')],
    [
      'is something else',
      /is memcached mcrouter$/,
      (s: Socket) => s.write('VERSION mcrouter 4\r\n'),
    ],
    ['gives values', /not asked for: VA/, (s: Socket) => s.write('VA 2 O1\r\nhi\r\n')],
  ])('is told of, with what to try, when it %s', async (_, what, answer) => {
    const server = await script(answer)
    const error = await failureOf(open(server.address, { timeout: 0.3 }))
    expect(error.message).toMatch(what)
    expect(error.message).toContain(server.address)
  })

  it('is told of when nobody listens', async () => {
    const server = await script(() => undefined)
    server.close()
    const error = await failureOf(open(server.address))
    expect(error.message).toMatch(/refused the connection$/)
    expect(error.hint).toMatch(/running/)
  })

  it('is told of when its name is unknown', async () => {
    const error = await failureOf(open('memcached.invalid:11211'))
    expect(error.message).toMatch(/memcached\.invalid/)
  })

  it('is not waited for when work is to stop', async () => {
    const server = await script(() => undefined)
    const stop = new AbortController()
    stop.abort(new Error('stopped'))
    await expect(make(server.address).open(stop.signal)).rejects.toThrow('stopped')
  })
})

describe('answers that wait while we are busy', () => {
  it.skipIf(!hasMemcached())('do not look like silence', async () => {
    const server = await start([])
    const sink = await open(server.address, { timeout: 0.2 })
    const work = sink.remember({ ledger: 'ledger-a', seq: 1, settings: 'x' })
    for (const until = Date.now() + 500; Date.now() < until; );
    await work
    await new Promise(setImmediate)
    await sink.remember({ ledger: 'ledger-b', seq: 1, settings: 'x' })
    expect(await server.read('tipline:state')).toContain('ledger-b')
  })
})

describe('answers that come in crumbs', () => {
  it('are put together', async () => {
    const server = await script((socket, text) => {
      const state = '{"ledger":"ledger-a","seq":42,"settings":"crumbled"}'
      const answers: Record<string, string> = {
        'version\r\n': 'VERSION 1.6.18\r\n',
        'stats settings\r\n': SETTINGS_ANSWER,
        'stats\r\n': 'END\r\n',
      }
      crumble(socket, answers[text] ?? `VA ${state.length} O0\r\n${state}\r\nMN\r\n`)
    })
    const sink = make(server.address)
    running.push(sink)
    expect(await sink.open(NEVER)).toEqual({ ledger: 'ledger-a', seq: 42, settings: 'crumbled' })
  })

  function crumble(socket: Socket, text: string): void {
    socket.write(text.slice(0, 1))
    if (text.length > 1) setImmediate(() => crumble(socket, text.slice(1)))
  }
})

describe('a connection that fails while a batch is written', () => {
  it.each([
    ['is cut', /closed the connection/, (s: Socket) => s.end()],
    ['is reset', /broke the connection off/, (s: Socket) => s.resetAndDestroy()],
    ['falls silent', /no answer within 0.3 s/, () => undefined],
    ['answers nonsense', /not asked for: banana/, (s: Socket) => s.write('banana\r\n')],
    [
      'says why and goes',
      /it had said: SERVER_ERROR out of memory/,
      (s: Socket) => s.end('SERVER_ERROR out of memory reading request\r\n'),
    ],
  ])('fails the batch when it %s', async (_, what, answer) => {
    const server = await script(afterOpening(answer))
    const sink = await open(server.address, { timeout: 0.3 })
    const error = await failureOf(sink.apply(ipStates(30_000), NEVER))
    expect(error.message).toMatch(what)
    expect(await failureOf(sink.apply(ipStates(1), NEVER))).toBe(error)
  })

  it('fails the batch when it stays open and nothing is read any more', async () => {
    const server = await script(afterOpening((socket) => socket.pause()))
    const sink = await open(server.address, { timeout: 0.3 })
    const error = await failureOf(sink.apply(ipStates(100_000), NEVER))
    expect(error.message).toMatch(/no answer within/)
  })

  it('lets go of a batch at once when work is to stop', async () => {
    const server = await script(afterOpening(() => undefined))
    const sink = await open(server.address, { timeout: 60 })
    const stop = new AbortController()
    const work = sink.apply(ipStates(100_000), stop.signal)
    setImmediate(() => stop.abort(new Error('stopped')))
    await expect(work).rejects.toThrow('stopped')
  })
})

describe.skipIf(!hasMemcached())('a real memcached that refuses', () => {
  it('an item that is too large: the rest is in place', async () => {
    const server = await start(['-I', '1k', '-o', 'slab_chunk_max=1024'])
    const sink = await open(server.address)
    const large = { ...ipState('198.51.100.1'), carriers: [carrier({ source: 'x'.repeat(2000) })] }
    const good = ipStates(5000)
    const states = [...good.slice(0, 2500), large, ...good.slice(2500)]
    const items = await refusals(sink.apply(states, NEVER))
    expect(items).toEqual([
      {
        item: 'ip:198.51.100.1',
        reason: 'memcached answered: SERVER_ERROR object too large for cache',
      },
    ])
    expect(await sink.verify(good)).toEqual({ checked: 5000, missing: 0, different: 0 })
    expect(await server.read('misp-ip:198.51.100.1')).toBeNull()
  })

  it('an item, without undoing a later state of others by trying again', async () => {
    const server = await start(['-I', '1k', '-o', 'slab_chunk_max=1024'])
    const sink = await open(server.address)
    const large = { ...ipState('198.51.100.1'), carriers: [carrier({ source: 'x'.repeat(2000) })] }
    const before = ipStates(3000, ['1'])
    const after = ipStates(3000, ['2'])
    await refusals(sink.rebuild(inBatches([large, ...before], after), NEVER))
    expect(await sink.verify(after)).toEqual({ checked: 3000, missing: 0, different: 0 })
  })

  it('what no longer fits into its memory: the rest is in place', async () => {
    const server = await start(['-M', '-m', '8'])
    const sink = await open(server.address)
    const states = ipStates(1200).map(({ space, value }) => ({ space, value, carriers: LARGE }))
    const items = await refusals(sink.apply(states, NEVER))
    expect(items.length).toBeGreaterThan(0)
    expect(items.length).toBeLessThan(states.length)
    expect(items[0]?.reason).toMatch(/out of memory/)
    const names = new Set(items.map(({ item }) => item))
    const kept = states.filter(({ space, value }) => !names.has(`${space}:${value}`))
    expect(await sink.verify(kept)).toEqual({ checked: kept.length, missing: 0, different: 0 })
  })

  it('almost everything: then the server is at fault', async () => {
    const server = await start(['-M', '-m', '8'])
    const sink = await open(server.address)
    const states = ipStates(12_000).map(({ space, value }) => ({ space, value, carriers: LARGE }))
    const error = await failureOf(sink.apply(states, NEVER))
    expect(error.hint).toMatch(/-m/)
  })

  it('strangers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tipline-'))
    writeFileSync(join(folder, 'auth'), 'user:password\n')
    chmodSync(folder, 0o755)
    const server = await start(['-Y', join(folder, 'auth')])
    const error = await failureOf(open(server.address))
    expect(error.message).toMatch(/unauthenticated/)
    rmSync(folder, { recursive: true })
  })

  it('to go on, because it hangs', async () => {
    const server = await start([])
    const sink = await open(server.address, { timeout: 0.3 })
    server.freeze()
    const error = await failureOf(sink.apply(ipStates(100_000), NEVER))
    server.thaw()
    expect(error.message).toMatch(/no answer within/)
  })

  /** About 10 kB in each value. */
  const LARGE = Array.from({ length: 20 }, (_, n) =>
    carrier({ eventId: String(n), timestamp: NOW - n, tags: ['x'.repeat(250)] }),
  )
})

async function start(options: readonly string[]): Promise<Memcached> {
  const server = await Memcached.start(options)
  running.push(server)
  return server
}

async function script(answer: (socket: Socket, text: string) => void): Promise<Scripted> {
  const server = await scripted(answer)
  running.push(server)
  return server
}

async function open(address: string, settings = {}): Promise<Sink> {
  const sink = make(address, settings)
  running.push(sink)
  await sink.open(NEVER)
  return sink
}

async function failureOf(work: Promise<unknown>): Promise<SinkUnavailable> {
  const error = await work.then(
    () => new Error('it worked'),
    (error: unknown) => error,
  )
  if (error instanceof SinkUnavailable) return error
  throw error
}

async function refusals(work: Promise<void>) {
  const error = await work.then(
    () => new Error('nothing was refused'),
    (error: unknown) => error,
  )
  if (error instanceof SinkRejected) return error.items
  throw error
}
