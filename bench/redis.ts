/**
 * Filling a real Redis. Two references, in turns with the sink: a bare socket that sends prebuilt SETs,
 * and ioredis pipelining the same SETs. The sink makes keys and values from states, and enters every
 * key in its register. Then a rebuild over a full server, and what a key costs in memory.
 *
 * `npm run bench -- redis [--quick]` prints JSON.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { cpus } from 'node:os'
import { Redis as Client } from 'ioredis'
import { lookupKeys } from '../src/indicators/keys.js'
import { silentLogger } from '../src/log.js'
import { Metrics } from '../src/metrics.js'
import { redisSettings } from '../src/sinks/redis/settings.js'
import { redisSink } from '../src/sinks/redis/sink.js'
import type { KeyState, Sink } from '../src/sinks/sink.js'
import { Redis } from '../test/servers/redis.js'
import { rate, state } from './memcached-write.js'
import { median } from './process.js'

const quick = process.argv.includes('--quick')
const sizes = quick ? { keys: 50_000, rounds: 1 } : { keys: 200_000, rounds: 5 }

const PIECE = 64 * 1024
const AT_ONCE = 2000
const NEVER = new AbortController().signal

const server = await Redis.start()
const states = Array.from({ length: sizes.keys }, (_, n) => state(n))
const report = {
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  keys: sizes.keys,
  rounds: sizes.rounds,
  write: await write(),
  memory: await memory(),
}
await server.close()
console.log(JSON.stringify(report, null, 2))

/** Keys a second, medians. */
async function write() {
  const entries = states.map(entry)
  const pieces = prebuilt(entries)
  const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const client = new Client({ port: server.port })
  const sink = await openSink()
  const bare: number[] = []
  const ioredis: number[] = []
  const tipline: number[] = []
  const rebuild: number[] = []
  for (let round = 0; round < sizes.rounds; round++) {
    bare.push(await rate(sizes.keys, () => pump(socket, pieces)))
    ioredis.push(await rate(sizes.keys, () => pipelined(client, entries)))
    tipline.push(await rate(sizes.keys, () => sink.apply(states, NEVER)))
    rebuild.push(await rate(sizes.keys, () => sink.rebuild(inBatches(), NEVER)))
  }
  await sink.close()
  client.disconnect()
  socket.destroy()
  return {
    bare_socket: median(bare),
    ioredis: median(ioredis),
    tipline: median(tipline),
    tipline_rebuild: median(rebuild),
    ratio_to_bare_socket: ratio(median(tipline), median(bare)),
    ratio_to_ioredis: ratio(median(tipline), median(ioredis)),
  }
}

/** Bytes a key, of Redis's `used_memory`. */
async function memory() {
  const sink = await openSink()
  const empty = await usedMemory()
  for (let start = 0; start < sizes.keys; start += AT_ONCE) {
    await server.askAll(
      states.slice(start, start + AT_ONCE).map((one) => ['SET', ...entry(one)] as string[]),
    )
  }
  const plain = (await usedMemory()) - empty
  await sink.apply(states, NEVER)
  const whole = (await usedMemory()) - empty
  await sink.close()
  return {
    bytes_a_key: Math.round(plain / sizes.keys),
    bytes_a_key_with_register: Math.round(whole / sizes.keys),
  }
}

async function usedMemory(): Promise<number> {
  const info = String(await server.ask('INFO', 'memory'))
  return Number(/used_memory:(\d+)/.exec(info)?.[1])
}

function entry({ space, value, carriers }: KeyState): [key: string, value: string] {
  const [key = ''] = lookupKeys(space, value)
  return [key, `${carriers[0]?.eventId}#${carriers[0]?.type}`]
}

function prebuilt(entries: readonly (readonly [string, string])[]): Buffer[] {
  const pieces: Buffer[] = []
  let text = ''
  for (const [key, value] of entries) {
    text += `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`
    if (text.length < PIECE) continue
    pieces.push(Buffer.from(text, 'latin1'))
    text = ''
  }
  return [...pieces, Buffer.from(text, 'latin1')]
}

async function pump(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  let due = sizes.keys * '+OK\r\n'.length
  const answered = new Promise<void>((resolve) => {
    const count = (piece: Buffer) => {
      due -= piece.length
      if (due > 0) return
      socket.off('data', count)
      resolve()
    }
    socket.on('data', count)
  })
  for (const piece of pieces) if (!socket.write(piece)) await once(socket, 'drain')
  await answered
}

async function pipelined(
  client: Client,
  entries: readonly (readonly [string, string])[],
): Promise<void> {
  for (let start = 0; start < entries.length; start += AT_ONCE) {
    const pipeline = client.pipeline()
    for (const [key, value] of entries.slice(start, start + AT_ONCE)) pipeline.set(key, value)
    await pipeline.exec()
  }
}

async function openSink(): Promise<Sink> {
  await server.ask('FLUSHALL')
  const settings = redisSettings.parse({ url: server.url, value: 'ids' })
  const clock = () => Math.floor(Date.now() / 1000)
  const deps = {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceNames: ['main'],
    dataDir: '',
    clock,
  }
  const sink = redisSink(settings, deps)
  await sink.open(NEVER)
  return sink
}

/** As ship hands them out. */
async function* inBatches(): AsyncGenerator<readonly KeyState[]> {
  for (let start = 0; start < states.length; start += 1000) yield states.slice(start, start + 1000)
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100
}
