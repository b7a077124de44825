/**
 * `npm run bench -- soak [--minutes N]`: a night in ten minutes. The daemon runs as a process against a
 * stand-in MISP that changes all the time and fails in every way it knows, with a memcached that is killed
 * and started again, an embedded ClickHouse that is killed, and is itself killed twenty times, while flows
 * and log lines come all the time, and who gets the alerts often can't. At the end, and with nobody's help,
 * both sinks hold exactly what the source has, no hit is lost or doubled, each was told once, and the last
 * process, which lives for half of the time, has not grown.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { findEngine } from '../src/clickhouse/embedded/start.js'
import { openClickHouse } from '../src/clickhouse/open.js'
import { silentLogger } from '../src/log.js'
import { legacyPolicySettings } from '../src/policy/settings.js'
import { SINKS } from '../src/sinks/registry.js'
import type { FaultSpec } from '../test/misp/faults.js'
import { startStandin } from '../test/misp/standin.js'
import { bulkWorld, touch } from '../test/misp/world.js'
import { Memcached } from '../test/servers/memcached.js'
import { freePort } from '../test/servers/program.js'
import { asKeys, piecesIn } from '../test/sync/contents.js'
import { Oracle } from '../test/sync/oracle.js'
import { Daemon, type Memory } from './soak/daemon.js'
import { AlertReceiver, type AlertVerdict } from './soak/receiver.js'
import { NETWORK, Traffic } from './soak/traffic.js'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    attributes: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '20' },
  },
})
const minutes = Number(options.minutes)
const kills = Number(options.kills)
/** How long all may take to come right, once nothing fails any more. */
const CALM_MS = 300_000

const FAULTS: readonly FaultSpec[] = [
  { kind: 'forbidden' },
  { kind: 'rate-limit', reset: 1 },
  { kind: 'error-500' },
  { kind: 'bad-gateway' },
  { kind: 'login-redirect' },
  { kind: 'login-page' },
  { kind: 'cut-length' },
  { kind: 'cut-chunked' },
  { kind: 'cut-clean' },
  { kind: 'reset' },
  { kind: 'slow', bytes: 65_536 },
  { kind: 'hang' },
  { kind: 'empty' },
  { kind: 'half' },
  { kind: 'flood' },
  { kind: 'drift' },
  { kind: 'duplicates' },
  { kind: 'null-row' },
  { kind: 'missing-fields' },
  { kind: 'filters-ignored' },
  { kind: 'extra-fields' },
  { kind: 'bom' },
  { kind: 'wrong-counts' },
]

const folder = mkdtempSync(join(tmpdir(), 'tipline-soak-'))
const dataDir = join(folder, 'tipline-data')
const misp = await startStandin({
  store: () => bulkWorld({ attributes: Number(options.attributes), eventsOf: 50 }),
})
const memcached = await Memcached.start(['-m', '256'])
// Of sampled flows nobody knows whether they were answered: each hit is stored.
const clickhouse = { url: 'embedded', sampled: true, backscan: '2d', embedded: { idle: '5m' } }
const port = await freePort()
const traffic = new Traffic({ folder, dataDir, store: misp.store, url: `http://127.0.0.1:${port}` })
const receiver = new AlertReceiver()
await receiver.start()
mkdirSync(traffic.watched)
writeFileSync(
  join(folder, 'tipline.yml'),
  JSON.stringify({
    sources: [
      {
        name: 'main',
        url: misp.url,
        key: misp.keys.readonly,
        every: '1s',
        timeout: '3s',
        absent_grace: '30s',
      },
    ],
    sinks: {
      memcached: { servers: [memcached.address], value: 'ids', timeout: '2s', spell_nets: false },
      clickhouse,
    },
    policy: legacyPolicySettings,
    guard: { revoke_min: 100_000_000, growth_min: 100_000_000 },
    networks: { campus: [NETWORK] },
    alerts: [
      {
        name: 'soc',
        type: 'webhook',
        url: receiver.url,
        proxy: '',
        disclose: 'red',
        // A pair for each indicator: no digest tells of more than it can name.
        per: 'network',
        max_age: 'never',
        digest: '5s',
        timeout: '2s',
      },
    ],
    flows: { watch: [{ folder: traffic.watched, label: 'border' }], every: '1s' },
    http: { listen: `127.0.0.1:${port}` },
    // Each try to send an alert is told.
    log: { level: 'debug' },
  }),
)
const daemon = new Daemon({
  args: ['run', '-c', join(folder, 'tipline.yml')],
  heapFile: join(folder, 'heap'),
})
const counts = {
  changes: 0,
  faults: 0,
  kills: 0,
  memcachedKills: 0,
  engineKills: 0,
  receiverFails: 0,
  reloads: 0,
}
try {
  daemon.start()
  await traffic.begin()
  await storm()
  await traffic.end()
  const memory = daemon.memory()
  const calm = await calmDown()
  const verdict = await compare()
  process.stdout.write(`${JSON.stringify({ minutes, ...counts, ...calm, memory, ...verdict })}\n`)
  if (!verdict.equal || calm.falls.length > 0 || !isFlat(memory)) process.exitCode = 1
} finally {
  await daemon.end()
  writeFileSync(join(tmpdir(), 'tipline-soak.log'), daemon.log.join(''))
  await misp.close()
  await memcached.stop()
  receiver.close()
  rmSync(folder, { recursive: true, force: true })
}

/** The source changes; something fails; something is killed. All at random, and at once. */
async function storm(): Promise<void> {
  const end = Date.now() + minutes * 60_000
  // The second half belongs to one process, whose memory is looked at.
  const everyMs = (minutes * 60_000 * 0.5) / kills
  let nextKill = Date.now() + everyMs
  for (let turn = 0; Date.now() < end; turn += 1) {
    counts.changes += change(turn)
    await misfortune(turn)
    if (turn % 5 === 0) traffic.capture()
    if (counts.kills < kills && Date.now() >= nextKill) {
      nextKill += everyMs
      await daemon.kill()
      counts.kills += 1
      daemon.start()
    }
    await sleep(300)
    if (turn % 10 === 0) daemon.look()
  }
}

function change(turn: number): number {
  const { store } = misp
  const touched = touch(store, 1 + (turn % 7))
  const events = store.eventsById().filter(({ id }) => id !== traffic.event)
  const event = events[(turn * 31) % events.length]!
  if (turn % 5 === 0) store.softDelete(event.attributes()[turn % 3]!.id)
  if (turn % 5 === 1) store.addAttribute(event.id, { type: 'ip-dst', value: address(turn) })
  if (turn % 5 === 2) store.hardDelete(event.attributes()[1]!.id)
  if (turn % 29 === 3 && events.length > 50) store.deleteEvent(event.id)
  else store.publish(event.id)
  return touched.length + 1
}

function address(turn: number): string {
  return `198.51.${100 + (turn % 100)}.${turn % 250}`
}

async function misfortune(turn: number): Promise<void> {
  if (turn % 6 === 0) {
    misp.faults.clear()
    if (turn % 12 === 0) {
      misp.faults.always(FAULTS[(turn / 12) % FAULTS.length]!)
      counts.faults += 1
    }
  }
  if (turn % 60 === 30) {
    await memcached.stop()
    counts.memcachedKills += 1
  }
  if (turn % 60 === 40) await memcached.restart()
  if (turn % 90 === 50) await killEngine()
  if (turn % 40 === 15) receiver.fail(counts.receiverFails++)
  if (turn % 40 === 30) receiver.recover()
  if (turn % 45 === 20 && daemon.reload()) counts.reloads += 1
}

async function killEngine(): Promise<void> {
  const engine = await findEngine(dataDir)
  if (!engine) return
  process.kill(engine.pid, 'SIGKILL')
  counts.engineKills += 1
}

/** Nothing fails or changes any more, and nobody does anything. How soon is everything right? */
async function calmDown(): Promise<{ calmSeconds: number; falls: Daemon['falls'] }> {
  misp.faults.clear()
  receiver.recover()
  await memcached.restart()
  // What was edited last would wait for its publication for ever.
  for (const event of misp.store.eventsById()) if (!event.published) misp.store.publish(event.id)
  const begun = Date.now()
  while (Date.now() - begun < CALM_MS && !(await compare()).equal) {
    await sleep(5000)
  }
  return { calmSeconds: Math.round((Date.now() - begun) / 1000), falls: daemon.falls }
}

/** A leak that matters in a night shows in minutes of this; what is less is the noise of what is kept. */
function isFlat({ heap }: Memory): boolean {
  return heap < 1.15
}

interface Verdict {
  readonly equal: boolean
  readonly keys: number
  readonly wrongKeys: number
  /** A few of them. */
  readonly wrong: readonly string[]
  readonly addresses: number
  readonly wrongAddresses: number
  readonly hits: Awaited<ReturnType<Traffic['verdict']>>
  readonly alerts: AlertVerdict
}

/** Both sinks against what the source has, and the hits against what was sent. */
async function compare(): Promise<Verdict> {
  const live = new Oracle({ policy: legacyPolicySettings }).live(misp.store)
  const wanted = asKeys(live)
  const there = await piecesIn(memcached)
  const wrongOnes = [...new Set([...wanted.keys(), ...there.keys()])].filter(
    (key) => wanted.get(key) !== there.get(key),
  )
  const wantedRows = new Set(
    [...live].flatMap(([key, pieces]) => {
      const [, space = '', value = ''] = /^([^:]+):(.*)$/.exec(key) ?? []
      const strong = pieces.split(',').some((piece) => !piece.endsWith('#domain|ip'))
      return strong && (space === 'ip' || space === 'net') ? [value] : []
    }),
  )
  const rows = await rowsThere()
  const wrongAddresses = [...new Set([...wantedRows, ...rows])].filter(
    (value) => !(wantedRows.has(value) && rows.has(value)),
  ).length
  const wrongKeys = wrongOnes.length
  const wrong = wrongOnes
    .slice(0, 3)
    .map((key) => `${key}: ${there.get(key) ?? 'missing'}, not ${wanted.get(key) ?? 'there'}`)
  const hits = await traffic.verdict()
  const alerts = receiver.verdict(hits.expected, daemon.log.join(''))
  const equal = wrongKeys === 0 && wrongAddresses === 0 && hits.equal && alerts.equal
  const addresses = wantedRows.size
  return { equal, keys: wanted.size, wrongKeys, wrong, addresses, wrongAddresses, hits, alerts }
}

async function rowsThere(): Promise<Set<string>> {
  const settings = SINKS.clickhouse.settings.parse(clickhouse)
  const db = await openClickHouse(settings, { dataDir, log: silentLogger() })
  try {
    const found = await db.rows<{ ip: string }>('SELECT DISTINCT ip FROM nfsen.iocs')
    return new Set(found.map(({ ip }) => ip))
  } finally {
    await db.close()
  }
}
