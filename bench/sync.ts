/**
 * A whole `tipline sync` as a process, from the stand-in MISP to a real memcached, against merely
 * fetching the same pages. Reference and tipline take turns in one run.
 *
 * `npm run bench -- sync [--quick]` prints JSON.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Standin, startStandin } from '../test/misp/standin.js'
import { bulkWorld, touch } from '../test/misp/world.js'
import { Memcached } from '../test/servers/memcached.js'
import { benchMemcachedWrite } from './memcached-write.js'
import { type Measured, measure, median } from './process.js'

/** What a real MISP was seen to serve, in attributes per second. */
const REAL_PACE = 30_000
const CLI = 'src/cli/main.js'

const quick = process.argv.includes('--quick')
const sizes = quick
  ? { full: 20_000, rounds: 1, large: 50_000, keys: 50_000 }
  : { full: 200_000, rounds: 3, large: 1_000_000, keys: 200_000 }

const report = {
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  full_sync: await fullSync(),
  memcached_write: await write(),
  large: await large(),
}
console.log(JSON.stringify(report, rounded, 2))

interface Bench {
  readonly misp: Standin
  readonly memcached: Memcached
  readonly folder: string
  readonly config: string
  close(): Promise<void>
}

async function open(attributes: number, pace: number | undefined): Promise<Bench> {
  const misp = await startStandin({
    store: bulkWorld({ attributes }),
    ...(pace === undefined ? {} : { pace }),
  })
  const memcached = await Memcached.start(['-m', '4096'])
  const folder = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
  const config = join(folder, 'tipline.yml')
  writeFileSync(config, configText({ misp, memcached, dataDir: join(folder, 'data') }))
  return {
    misp,
    memcached,
    folder,
    config,
    async close() {
      await misp.close()
      await memcached.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function configText(of: { misp: Standin; memcached: Memcached; dataDir: string }): string {
  return `
data_dir: ${of.dataDir}
sources:
  - { name: main, url: "${of.misp.url}", key: ${of.misp.keys.readonly} }
sinks:
  memcached: { servers: ["127.0.0.1:${of.memcached.port}"], value: ids }
log: { level: warn }
`
}

async function fullSync() {
  const bench = await open(sizes.full, REAL_PACE)
  const bodies = await pagesOf(bench)
  const job = join(bench.folder, 'pages.json')
  writeFileSync(job, JSON.stringify({ url: bench.misp.url, key: bench.misp.keys.readonly, bodies }))
  const reference: Measured[] = []
  const tipline: Measured[] = []
  for (let round = 0; round < sizes.rounds; round += 1) {
    reference.push(await measure('bench/fetch-only.js', [job]))
    tipline.push(await fromNothing(bench))
  }
  const unchanged = await cycle(bench)
  touch(bench.misp.store, 10)
  const changed = await cycle(bench)
  await bench.close()
  const ratios = tipline.map(({ seconds }, n) => seconds / reference[n]!.seconds)
  return {
    attributes: sizes.full,
    pace_per_second: REAL_PACE,
    pages: bodies.length,
    reference_seconds: median(reference.map(({ seconds }) => seconds)),
    tipline_seconds: median(tipline.map(({ seconds }) => seconds)),
    ratio: median(ratios),
    ratios,
    goal: 'ratio at most 1.5',
    cpu_us_per_attribute: median(tipline.map(({ cpu }) => (cpu * 1e6) / sizes.full)),
    peak_mb: median(tipline.map(({ peakBytes }) => peakBytes / 1e6)),
    cycle_nothing_changed: unchanged,
    cycle_ten_attributes_changed: changed,
  }
}

/** The pages of attributes that tipline itself asks for. */
async function pagesOf(bench: Bench): Promise<string[]> {
  const pace = bench.misp.pace
  bench.misp.pace = undefined
  await fromNothing(bench)
  bench.misp.pace = pace
  return bench.misp.requests
    .filter(({ path }) => path.includes('restSearch'))
    .map(({ body }) => body)
}

async function fromNothing(bench: Bench): Promise<Measured> {
  rmSync(join(bench.folder, 'data'), { recursive: true, force: true })
  await bench.memcached.restart()
  const measured = await measure(CLI, ['sync', '-c', bench.config, '--json'])
  if (measured.status !== 0) throw new Error(`tipline sync ended with ${measured.status}`)
  return measured
}

async function cycle(bench: Bench) {
  bench.misp.requests.length = 0
  const { seconds, cpu } = await measure(CLI, ['sync', '-c', bench.config, '--json'])
  const rows = bench.misp.requests.reduce((sum, request) => sum + request.rows, 0)
  return { seconds, cpu_seconds: cpu, requests: bench.misp.requests.length, rows }
}

async function write() {
  const memcached = await Memcached.start(['-m', '2048'])
  const options = { port: memcached.port, keys: sizes.keys, rounds: quick ? 1 : 5 }
  const result = await benchMemcachedWrite(options)
  await memcached.stop()
  return { ...result, goal: 'ratio at least 0.5' }
}

async function large() {
  const bench = await open(sizes.large, undefined)
  const sync = await fromNothing(bench)
  const unchanged = await cycle(bench)
  const lookups: Measured[] = []
  for (let n = 0; n < 5; n += 1) {
    lookups.push(await measure(CLI, ['lookup', '-c', bench.config, 'evil.example', '192.0.2.77']))
  }
  const bare: Measured[] = []
  for (let n = 0; n < 5; n += 1) bare.push(await measure('bench/nothing.js', []))
  await bench.close()
  const seconds = median(lookups.map((lookup) => lookup.seconds))
  return {
    attributes: sizes.large,
    sync_seconds: sync.seconds,
    cpu_us_per_attribute: (sync.cpu * 1e6) / sizes.large,
    peak_mb: sync.peakBytes / 1e6,
    peak_goal: 'at most 400 MB',
    cycle_nothing_changed: unchanged,
    lookup_seconds: seconds,
    lookup_goal: 'under 0.3 s as a whole process',
    node_alone_seconds: median(bare.map((process) => process.seconds)),
  }
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(4))
    : value
}
