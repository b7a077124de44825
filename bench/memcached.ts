/**
 * How fast memcached is filled and repaired, beside a bare socket that pipelines prebuilt quiet sets of
 * the same keys; reference and tipline take turns. `npm run bench -- memcached [--quick]` prints JSON.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { lookupKeys } from '../src/indicators/keys.js'
import { openLedger } from '../src/ledger/ledger.js'
import type { StateReader } from '../src/ledger/states.js'
import { LedgerWriter } from '../src/ledger/writer.js'
import { silentLogger } from '../src/log.js'
import { Metrics } from '../src/metrics.js'
import { parseAddress } from '../src/sinks/memcached/address.js'
import { ring } from '../src/sinks/memcached/ring.js'
import { memcachedSettings } from '../src/sinks/memcached/settings.js'
import { memcachedSink } from '../src/sinks/memcached/sink.js'
import type { KeyState, Sink } from '../src/sinks/sink.js'
import { shipOnly } from '../src/sync/sync.js'
import { Memcached } from '../test/servers/memcached.js'
import { prebuilt, pump, state } from './memcached-write.js'
import { median } from './process.js'
import { stage } from './staged.js'

const quick = process.argv.includes('--quick')
const { keys, rounds, repaired, repairs } = quick
  ? { keys: 50_000, rounds: 3, repaired: 100_000, repairs: 1 }
  : { keys: 200_000, rounds: 7, repaired: 1_000_000, repairs: 3 }
const BATCH = 1000
const { signal } = new AbortController()

const servers = await Promise.all([1, 2, 3].map(() => Memcached.start(['-m', '1024'])))
const report = {
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  write: await write(),
  repair_of_the_sink: await repairOfTheSink(),
  repair_from_the_ledger: await repairFromTheLedger(),
}
await Promise.all(servers.map((server) => server.stop()))
console.log(JSON.stringify(report, null, 2))

/** Keys a second, and the time of three servers by that of one. */
async function write() {
  const states = Array.from({ length: keys }, (_, n) => state(n))
  const one = await open(1)
  const three = await open(3)
  const each = await open(3, 'replicate')
  const names: string[] = states.flatMap(({ space, value }) => lookupKeys(space, value))
  const times: Record<'bare' | 'one' | 'three' | 'replicate' | 'ring', number[]> = {
    ...{ bare: [], one: [], three: [], replicate: [], ring: [] },
  }
  for (let round = 0; round < rounds; round++) {
    times.bare.push(await bareWrite(prebuilt(states)))
    times.one.push(await timed(() => one.apply(states, signal)))
    times.three.push(await timed(() => three.apply(states, signal)))
    times.replicate.push(await timed(() => each.apply(states, signal)))
    times.ring.push(await timed(async () => placeAll(names)))
  }
  for (const sink of [one, three, each]) await sink.close()
  const [bare, single, triple] = [median(times.bare), median(times.one), median(times.three)]
  const placing = median(times.ring)
  return {
    keys,
    rounds,
    keys_a_second: {
      bare: Math.round(keys / bare),
      one_server: Math.round(keys / single),
      three_servers: Math.round(keys / triple),
      three_replicas: Math.round(keys / median(times.replicate)),
    },
    one_server_by_bare: ratio(bare, single),
    three_servers_by_one: ratio(single, triple),
    ring_ns_a_key: Math.round((placing / names.length) * 1e9),
    three_servers_without_the_ring_by_one: ratio(single, triple - placing),
  }
}

function placeAll(names: readonly string[]): void {
  const ownerOf = ring(servers.map(({ address }) => parseAddress(address)!))
  let sum = 0
  for (const name of names) sum += ownerOf(name)
  if (sum === 0) throw new Error('the ring has but one server')
}

/** From states in memory: what the sink itself takes after a flush. */
async function repairOfTheSink() {
  const states = Array.from({ length: repaired }, (_, n) => state(n))
  const pieces = prebuilt(states)
  const bare: number[] = []
  const tipline: number[] = []
  for (let round = 0; round < repairs; round++) {
    await flush()
    bare.push(await bareWrite(pieces))
    await flush()
    const sink = await open(1)
    async function* batches() {
      for (let at = 0; at < states.length; at += BATCH) yield states.slice(at, at + BATCH)
    }
    tipline.push(await timed(() => sink.rebuild(batches(), signal)))
    await sink.close()
  }
  return figures({ bare, tipline })
}

/** The whole way: reading a ledger of so many keys, and the sink. */
async function repairFromTheLedger() {
  const dataDir = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
  fill(dataDir)
  const ledger = await openLedger(dataDir)
  const sink = sinkOn(1)
  const options = {
    dataDir,
    ledger,
    sinks: [sink],
    clock,
    log: silentLogger(),
    metrics: new Metrics(),
    signal,
  }
  await flush()
  await shipOnly(options)
  // The states are not kept: a heap of a million of them would be work for the collector in our time.
  const pieces = prebuilt(allOf(ledger.openStates()))
  const bare: number[] = []
  const tipline: number[] = []
  for (let round = 0; round < repairs; round++) {
    await flush()
    bare.push(await bareWrite(pieces))
    await flush()
    tipline.push(await timed(() => shipOnly(options)))
  }
  await sink.close()
  await ledger.close()
  rmSync(dataDir, { recursive: true })
  return figures({ bare, tipline })
}

function fill(dataDir: string): void {
  const writer = new LedgerWriter(dataDir)
  const [source] = writer.registerSources(['main'])
  writer.beginStaging()
  stage(writer, repaired)
  writer.judge({ source: source!.id })
  const begin = { source: source!.id, now: clock(), withholdAbsent: false, withholdAdded: false }
  writer.beginApply(begin)
  while (writer.applyNext() === null);
  writer.close()
}

function allOf(reader: StateReader): KeyState[] {
  const states = [...reader.everything(BATCH)].flatMap((batch) => batch.states as KeyState[])
  reader.close()
  return states
}

function figures({ bare, tipline }: { bare: readonly number[]; tipline: readonly number[] }) {
  const [b, t] = [median(bare), median(tipline)]
  return {
    keys: repaired,
    rounds: repairs,
    bare_seconds: round(b),
    tipline_seconds: round(t),
    tipline_by_bare: ratio(t, b),
  }
}

async function bareWrite(pieces: readonly Buffer[]): Promise<number> {
  const socket = connect({ port: servers[0]!.port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const seconds = await timed(() => pump(socket, pieces))
  socket.destroy()
  return seconds
}

async function open(count: number, placement: 'ring' | 'replicate' = 'ring'): Promise<Sink> {
  const sink = sinkOn(count, placement)
  await sink.open(signal)
  return sink
}

function sinkOn(count: number, placement: 'ring' | 'replicate' = 'ring'): Sink {
  const addresses = servers.slice(0, count).map(({ address }) => address)
  const settings = memcachedSettings.parse({ servers: addresses, placement, value: 'ids' })
  return memcachedSink(settings, {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceNames: ['main'],
    dataDir: '',
    clock,
  })
}

/** By a restart: `flush_all` also takes what is written in its own second. */
async function flush(): Promise<void> {
  for (const server of servers) await server.restart()
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  global.gc?.()
  await turn()
  const start = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - start) / 1e9
}

function clock(): number {
  return Math.floor(Date.now() / 1000)
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100
}
