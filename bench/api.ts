/**
 * `GET /v1/lookup` under load, against an empty route of hono, each a process, in turns: 16 connections,
 * one value in ten an indicator: a thousand values that come again and again, and values that are ever
 * new; then ever new values that are all unknown, and all indicators. `npm run bench -- api [--quick]`
 * prints JSON. Ratios of the server's CPU time stand beside those of
 * the rate: they say more where others use the machine too.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, execPath, version } from 'node:process'
import { newToken } from '../src/http/tokens.js'
import { LedgerWriter } from '../src/ledger/writer.js'
import { event, pullInto } from '../test/ledger/rows.js'
import { domainOf, indicatorOf, staged } from './enrich-events.js'
import { median, ROOT } from './process.js'

interface Load {
  readonly result: Result
  /** Microseconds of CPU that a request took in the server. */
  readonly cpu: number
}

interface Result {
  readonly requests: { readonly average: number; readonly total: number }
  readonly latency: { readonly p50: number; readonly p99: number }
  readonly non2xx: number
  readonly errors: number
}
type Autocannon = (options: object) => Promise<Result>
const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon

const quick = argv.includes('--quick')
const sizes = quick
  ? { indicators: 20_000, seconds: 2, rounds: 2 }
  : { indicators: 1_000_000, seconds: 10, rounds: 5 }
/** So many come again; of the others there are more than the API keeps answers of. */
const VALUES = 1000
const NEW_VALUES = 50_000
/** One value in so many is an indicator. */
const HIT_EVERY = { mixed: 10, never: Number.POSITIVE_INFINITY, always: 1 }

const folder = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
const { token, hash } = newToken()
fillLedger()
const empty = await start('api-empty')
const tipline = await start('api-server', folder, hash)
try {
  console.log(JSON.stringify(await bench(), null, 2))
} finally {
  for (const { process } of [empty, tipline]) {
    process.kill()
    await once(process, 'close')
  }
  rmSync(folder, { recursive: true, force: true })
}

interface Server {
  readonly process: ChildProcess
  readonly url: string
}

async function start(name: string, ...args: readonly string[]): Promise<Server> {
  const process = spawn(execPath, [join(ROOT, `.build/bench/${name}.js`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(process.stdout, 'data')) as [Buffer]
  return { process, url: line.toString().trim() }
}

async function bench() {
  const reference: Load[] = []
  const loads = {
    known: [] as Load[],
    fresh: [] as Load[],
    misses: [] as Load[],
    hits: [] as Load[],
  }
  const { mixed, never, always } = HIT_EVERY
  for (let round = 0; round < sizes.rounds; round += 1) {
    reference.push(await load(empty, { values: VALUES, hitEvery: mixed }))
    loads.known.push(await load(tipline, { values: VALUES, hitEvery: mixed }))
    loads.fresh.push(await load(tipline, { values: NEW_VALUES, hitEvery: mixed }))
    loads.misses.push(await load(tipline, { values: NEW_VALUES, hitEvery: never }))
    loads.hits.push(await load(tipline, { values: NEW_VALUES, hitEvery: always }))
  }
  const against = (some: readonly Load[]) => ({ ...told(some), ...compared(some, reference) })
  return {
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: version },
    indicators: sizes.indicators,
    rounds: sizes.rounds,
    empty_route: told(reference),
    lookup: against(loads.known),
    lookup_of_new_values: against(loads.fresh),
    lookup_of_new_unknown_values: against(loads.misses),
    lookup_of_new_indicators: against(loads.hits),
  }
}

interface Asked {
  readonly values: number
  readonly hitEvery: number
}

async function load({ process, url }: Server, { values, hitEvery }: Asked): Promise<Load> {
  const paths = Array.from(
    { length: values },
    (_, n) => `/v1/lookup?value=${encodeURIComponent(askedValue(n, hitEvery))}`,
  )
  let asked = 0
  const headers = { authorization: `Bearer ${token}` }
  const next = (request: object) => ({ ...request, path: paths[asked++ % values], headers })
  const requests = [{ setupRequest: next }]
  const before = cpuOf(process.pid!)
  const result = await autocannon({ url, connections: 16, duration: sizes.seconds, requests })
  if (result.non2xx + result.errors > 0) throw new Error(`${result.non2xx} of ${url} failed`)
  return { result, cpu: ((cpuOf(process.pid!) - before) * 1e6) / result.requests.total }
}

/** Seconds of CPU that a process has used; Linux counts them in hundredths. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function compared(loads: readonly Load[], reference: readonly Load[]) {
  const ratios = loads.map(
    ({ result }, n) => result.requests.average / reference[n]!.result.requests.average,
  )
  const cpu = loads.map((load, n) => reference[n]!.cpu / load.cpu)
  return { ratio: round(median(ratios)), ratios: ratios.map(round), cpu_ratio: round(median(cpu)) }
}

function told(loads: readonly Load[]) {
  const middle = (what: (load: Load) => number) => round(median(loads.map(what)))
  return {
    per_second: middle(({ result }) => result.requests.average),
    p50_ms: middle(({ result }) => result.latency.p50),
    p99_ms: middle(({ result }) => result.latency.p99),
    cpu_us_per_request: middle(({ cpu }) => cpu),
  }
}

/** Addresses, names below names, URLs and hashes in turn. */
function askedValue(n: number, hitEvery: number): string {
  if (n % hitEvery === 0) return indicatorOf((n * 7919) % sizes.indicators).value
  const kinds = [
    `203.0.113.${n % 256}`,
    `www.${domainOf(sizes.indicators + n)}`,
    `https://cdn.${domainOf(sizes.indicators + n)}/assets/${n}.js`,
    n.toString(16).padStart(64, '0'),
  ]
  return kinds[n % kinds.length]!
}

function fillLedger(): void {
  const writer = new LedgerWriter(folder)
  const source = writer.registerSources(['main'])[0]!.id
  const ofEvent = 1000
  const numbers = Array.from({ length: sizes.indicators / ofEvent }, (_, n) => n * ofEvent)
  pullInto(writer, {
    source,
    events: numbers.map((first) => event(`event ${first}`)),
    attributes: numbers.flatMap((first) =>
      Array.from({ length: ofEvent }, (_, n) => staged(`event ${first}`, first + n)),
    ),
  })
  writer.checkpoint()
  writer.close()
}

function round(n: number): number {
  return Math.round(n * 100) / 100
}
