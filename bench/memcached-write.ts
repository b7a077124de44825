/**
 * How fast memcached is filled: a bare socket that pipelines prebuilt quiet sets, against the sink
 * that makes keys and values from states; in turns, so that both see the same machine.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { silentLogger } from '../src/log.js'
import { Metrics } from '../src/metrics.js'
import { memcachedSettings } from '../src/sinks/memcached/settings.js'
import { memcachedSink } from '../src/sinks/memcached/sink.js'
import type { Carrier, KeyState, Sink } from '../src/sinks/sink.js'

export interface MemcachedWriteOptions {
  readonly port: number
  readonly keys: number
  readonly rounds: number
}

/** Keys a second. */
export interface MemcachedWriteResult {
  readonly keys: number
  readonly rounds: number
  readonly bare: number
  readonly tipline: number
  /** `tipline` by `bare`, medians. */
  readonly ratio: number
}

const PIECE = 64 * 1024
const EVENT_SIZE = 100

export async function benchMemcachedWrite(
  options: MemcachedWriteOptions,
): Promise<MemcachedWriteResult> {
  const { port, keys, rounds } = options
  const states = Array.from({ length: keys }, (_, n) => state(n))
  const pieces = prebuilt(states)
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const sink = await openSink(port)
  const bare: number[] = []
  const tipline: number[] = []
  for (let round = 0; round < rounds; round++) {
    bare.push(await rate(keys, () => pump(socket, pieces)))
    tipline.push(await rate(keys, () => sink.apply(states, new AbortController().signal)))
  }
  await sink.close()
  socket.destroy()
  const [b, t] = [median(bare), median(tipline)]
  return { keys, rounds, bare: b, tipline: t, ratio: Math.round((t / b) * 100) / 100 }
}

/** One address in each state, each in one event, as most are. */
export function state(n: number): KeyState {
  const value = `${11 + (n >>> 24)}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
  return { space: 'ip', value, carriers: [carrier(n)] }
}

function carrier(n: number): Carrier {
  const id = String(n).padStart(12, '0')
  return {
    eventId: String(Math.floor(n / EVENT_SIZE) + 1),
    eventUuid: `00000000-0000-4000-8000-${id}`,
    eventInfo: 'Addresses seen in scans',
    attributeUuid: `00000000-0000-4000-9000-${id}`,
    type: 'ip-dst',
    port: 0,
    tags: ['tlp:green'],
    threatLevel: 2,
    source: 'main',
    timestamp: 1_700_000_000 + n,
    firstSeen: null,
    lastSeen: null,
    liveSince: 1_700_000_000,
  }
}

export function prebuilt(states: readonly KeyState[]): Buffer[] {
  const pieces: Buffer[] = []
  let text = ''
  for (const { space, value, carriers } of states) {
    const ids = `${carriers[0]?.eventId}#${carriers[0]?.type}`
    text += `ms misp-${space}:${value} ${ids.length} q\r\n${ids}\r\n`
    if (text.length < PIECE) continue
    pieces.push(Buffer.from(text, 'latin1'))
    text = ''
  }
  return [...pieces, Buffer.from(`${text}mn\r\n`, 'latin1')]
}

export async function pump(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  const answered = once(socket, 'data')
  for (const piece of pieces) if (!socket.write(piece)) await once(socket, 'drain')
  const [answer] = (await answered) as [Buffer]
  if (answer.toString() !== 'MN\r\n') throw new Error(`memcached says ${answer.toString()}`)
}

async function openSink(port: number): Promise<Sink> {
  const settings = memcachedSettings.parse({ servers: [`127.0.0.1:${port}`], value: 'ids' })
  const clock = () => Math.floor(Date.now() / 1000)
  const deps = {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceNames: ['main'],
    dataDir: '',
    clock,
  }
  const sink = memcachedSink(settings, deps)
  await sink.open(new AbortController().signal)
  return sink
}

export async function rate(keys: number, work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return Math.round(keys / ((performance.now() - start) / 1000))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
