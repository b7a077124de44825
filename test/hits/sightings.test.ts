/** Sightings back to a MISP that behaves like the recorded one, its traps included. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClickHouseError } from '../../src/errors.js'
import { openHits } from '../../src/hits/database.js'
import { markHit, unmarkHit } from '../../src/hits/mark.js'
import { readHits } from '../../src/hits/read.js'
import { type LineHits, type Met, recordLines } from '../../src/hits/record.js'
import { Sightings, type Told } from '../../src/hits/sightings/runner.js'
import type { HitStores } from '../../src/hits/stores.js'
import { createLogger, type Logger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { createSightingClient, type SightingClient } from '../../src/misp/sightings.js'
import { Networks } from '../../src/networks.js'
import { Outages } from '../../src/outage.js'
import { type Standin, startStandin } from '../misp/standin.js'
import { sightedMisp } from './sighted-misp.js'

const NOW = 1_795_300_000_000
const HOUR = 3_600_000
const NEVER = new AbortController().signal
const TABLES = {
  iocs: { database: 'nfsen', table: 'iocs' },
  hits: { database: 'nfsen', table: 'ioc_hits' },
  flows: { database: 'nfsen', table: 'flows' },
}

let misp: Standin
let folder: string
let stores: HitStores
let told: string[]
let log: Logger
const dispatcher = new Agent()

beforeEach(async () => {
  misp = await startStandin({ store: () => sightedMisp(NOW / 1000) })
  folder = mkdtempSync(join(tmpdir(), 'tipline-sightings-'))
  open()
  told = []
  const write = (line: string) => void told.push(line)
  log = await createLogger({ level: 'info', pretty: false, destination: { write } })
  // A follower hears of what comes after its beginning.
  await runner().gather(NOW, NEVER)
})

afterEach(async () => {
  stores.db.close()
  rmSync(folder, { recursive: true })
  await misp.close()
})

function open(): void {
  const db = openHits(folder)
  stores = { db, flows: null, ledger: null, networks: new Networks({}), links: {} }
}

function client(key = misp.keys.user): SightingClient {
  return createSightingClient({
    name: 'main',
    url: misp.url,
    key,
    dispatcher,
    log,
    metrics: new Metrics(),
    attempts: 1,
    timeouts: { answerMs: 5000, idleMs: 5000 },
  })
}

function runner(more: Partial<Told> = {}): Sightings {
  const main: Told = {
    source: 'main',
    client: client(),
    every: HOUR,
    label: 'tipline@soc.example',
    maxTlp: 'amber',
    perHour: 1000,
    falsePositives: false,
    ...more,
  }
  const metrics = new Metrics()
  return new Sightings({
    stores,
    told: [main],
    untagged: 'green',
    log,
    metrics,
    outages: new Outages(log),
  })
}

function hit(attribute: number, at: number, more: Partial<Met> = {}): void {
  record([lineOf(attribute, at, more)], at)
}

function record(hits: readonly LineHits[], now: number): void {
  recordLines(stores.db, hits, { way: 'enrich', label: '', now })
}

let lines = 0
function lineOf(attribute: number, at: number, more: Partial<Met> = {}): LineHits {
  lines += 1
  const row = misp.store.attribute(attribute)
  const met: Met = {
    field: 'destination.ip',
    observable: row.value,
    kind: 'ip',
    value: row.value,
    uuid: row.uuid,
    type: row.type,
    eventId: '1',
    eventUuid: misp.store.event(1).uuid,
    eventInfo: 'C2',
    source: 'main',
    tlp: '',
    ...more,
  }
  return { digest: lines.toString(16).padStart(32, '0'), at, observed: [], met: [met] }
}

function sent() {
  return misp.store.sightings.map(({ attribute_id, type, source, date_sighting }) => ({
    attribute_id,
    type,
    source,
    date_sighting,
  }))
}

const states = () => {
  const rows = stores.db.prepare('SELECT state, count(*) AS n FROM sighting GROUP BY 1').all()
  return Object.fromEntries((rows as { state: string; n: number }[]).map((r) => [r.state, r.n]))
}

describe('sightings', () => {
  it('are gathered by attribute and interval, and told once, at the time of the last hit (H10)', async () => {
    for (let n = 0; n < 50; n += 1) hit(1, NOW - 10_000 + n)
    hit(2, NOW - 5000)
    hit(1, NOW - 5000, { source: 'other' })
    await runner().runOnce(NOW, NEVER)
    await runner().runOnce(NOW + HOUR - 1, NEVER)
    expect(sent()).toEqual([])
    misp.store.now = (NOW + HOUR) / 1000
    await runner().runOnce(NOW + HOUR, NEVER)
    await runner().runOnce(NOW + HOUR, NEVER)
    const common = { type: 0, source: 'tipline@soc.example' }
    expect(sent()).toEqual([
      { ...common, attribute_id: 1, date_sighting: NOW / 1000 - 10 },
      { ...common, attribute_id: 2, date_sighting: NOW / 1000 - 5 },
    ])
    expect(states()).toEqual({ stored: 2 })
  })

  it('are never of the future, by whosever clock (H11)', async () => {
    hit(1, NOW)
    misp.store.now = NOW / 1000 - 100
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    expect(sent()).toMatchObject([{ date_sighting: NOW / 1000 - 100 }])
    hit(1, NOW)
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    // The same second again would be taken for the same sighting.
    expect(sent()).toMatchObject([{}, { date_sighting: NOW / 1000 - 101 }])
  })

  it('do not wait for a time that the clock had reached before it was set back (H11)', async () => {
    const wrong = NOW + 24 * HOUR
    hit(1, wrong)
    hit(2, wrong)
    await runner({ every: 0, perHour: 1 }).runOnce(wrong, NEVER)
    expect(sent()).toHaveLength(1)
    hit(2, NOW)
    await runner().runOnce(NOW, NEVER)
    misp.store.now = (NOW + HOUR + 1000) / 1000
    await runner({ perHour: 1 }).runOnce(NOW + HOUR + 1000, NEVER)
    expect(sent()).toHaveLength(2)
    expect(sent().every(({ date_sighting: at }) => at <= misp.store.now)).toBe(true)
    expect(states()).toEqual({ stored: 2 })
  })

  it('that a read-only key may not add wait, and that is told once (H13)', async () => {
    for (let n = 0; n < 20; n += 1) hit(1, NOW - n, { uuid: misp.store.attribute(1).uuid })
    hit(2, NOW)
    const reader = runner({ every: 0, client: client(misp.keys.readonly) })
    await reader.runOnce(NOW, NEVER)
    await reader.runOnce(NOW + 60_000, NEVER)
    await reader.runOnce(NOW + 120_000, NEVER)
    expect(told).toHaveLength(1)
    expect(told[0]).toContain('may not add sightings')
    expect(states()).toEqual({ open: 2 })
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    expect(sent()).toHaveLength(2)
  })

  it('that a read-only key may not add are not given up, however long that lasts (H13)', async () => {
    hit(1, NOW)
    hit(2, NOW)
    const reader = runner({ every: 0, client: client(misp.keys.readonly) })
    for (let minute = 0; minute < 60; minute += 1) {
      await reader.runOnce(NOW + minute * 60_000, NEVER)
    }
    expect(states()).toEqual({ open: 2 })
    // Each has its turn: of one alone MISP might not want to know.
    const added = misp.requests.filter(({ path }) => path.includes('sightings/add'))
    expect(new Set(added.map(({ path }) => path)).size).toBe(2)
    await runner({ every: 0, perHour: 2 }).runOnce(NOW + HOUR, NEVER)
    expect(states()).toEqual({ stored: 2 })
  })

  it('of flows have no outage that ends and begins, where only lines were read', async () => {
    const open = async () => {
      const what = 'ClickHouse can not be reached'
      throw new ClickHouseError({ what, hint: '', fault: 'unreachable' })
    }
    stores = { ...stores, flows: { open, tables: TABLES } }
    const night = runner()
    for (let round = 0; round < 3; round += 1) {
      record(
        Array.from({ length: 1001 }, () => lineOf(1, NOW)),
        NOW,
      )
      await night.gather(NOW, NEVER)
    }
    expect(told).toHaveLength(1)
  })

  it('that MISP answers with 200 and does not store are noticed (H14)', async () => {
    hit(1, NOW, { uuid: '00000000-0000-4000-8000-000000000000' })
    hit(1, NOW, { uuid: '../../users/view/me' })
    hit(2, NOW)
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    expect(states()).toEqual({ refused: 2, stored: 1 })
    expect(told.join()).toContain('did not store')
    expect(misp.requests.some(({ path }) => path.includes('users'))).toBe(false)
  })

  it.each(['reset', 'error-500', 'cut-length', 'hang', 'bad-gateway'] as const)(
    'whose answer is lost (%s) are looked up before they are sent again (H12)',
    async (kind) => {
      hit(1, NOW)
      misp.faults.next({ kind, path: 'sightings' })
      await runner({ every: 0 }).runOnce(NOW, NEVER)
      expect(states()).toEqual({ sending: 1 })
      const before = sent().length
      await runner({ every: 0 }).runOnce(NOW + 60_000, NEVER)
      expect(sent()).toHaveLength(1)
      expect(states()).toEqual({ stored: 1 })
      // What was stored though the answer was lost was not sent again.
      const adds = misp.requests.filter(({ path }) => path.includes('sightings/add'))
      expect(adds).toHaveLength(before === 1 ? 1 : 2)
    },
  )

  it.each(['{"response":{}}', '{"response":[]}', '[]'])(
    'that may have arrived are not sent again while MISP does not say: %s (H12)',
    async (body) => {
      hit(1, NOW)
      misp.faults.next({ kind: 'cut-clean', path: 'sightings' })
      await runner({ every: 0 }).runOnce(NOW, NEVER)
      misp.faults.next({ kind: 'answer', status: 200, body, path: 'attributes/restSearch' })
      await runner({ every: 0 }).runOnce(NOW + 60_000, NEVER)
      expect(states()).toEqual({ sending: 1 })
      await runner({ every: 0 }).runOnce(NOW + 120_000, NEVER)
      expect(states()).toEqual({ stored: 1 })
      expect(sent()).toHaveLength(1)
    },
  )

  it('lose and double nothing where the process dies between intent and answer (H12)', async () => {
    hit(1, NOW)
    const real = client()
    const dies = (when: 'before' | 'after'): SightingClient => ({
      ...real,
      add: async (sighting, signal) => {
        if (when === 'after') await real.add(sighting, signal)
        throw new Error('killed')
      },
    })
    await expect(runner({ every: 0, client: dies('before') }).runOnce(NOW, NEVER)).rejects.toThrow(
      'killed',
    )
    stores.db.close()
    open()
    await expect(runner({ every: 0, client: dies('after') }).runOnce(NOW, NEVER)).rejects.toThrow(
      'killed',
    )
    stores.db.close()
    open()
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    expect(sent()).toHaveLength(1)
    expect(states()).toEqual({ stored: 1 })
  })

  it('wait while MISP is down, and what comes meanwhile goes with them', async () => {
    misp.maintenance = true
    hit(1, NOW - 5000)
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    hit(1, NOW - 1000)
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    misp.maintenance = false
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    expect(sent()).toMatchObject([{ date_sighting: NOW / 1000 - 1 }])
  })

  it('of stricter attributes are withheld, and so are those beyond the hour (H15)', async () => {
    hit(1, NOW, { tlp: 'red' })
    hit(2, NOW, { tlp: 'amber' })
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    expect(states()).toEqual({ stored: 1, withheld: 1 })
    hit(1, NOW)
    hit(2, NOW)
    await runner({ every: 0, perHour: 2 }).runOnce(NOW, NEVER)
    expect(sent()).toHaveLength(2)
    await runner({ every: 0, perHour: 2 }).runOnce(NOW + HOUR + 1, NEVER)
    expect(sent()).toHaveLength(3)
  })

  it('of type 1 are proposed by a mark, and told where the source wants them (H16)', async () => {
    hit(1, NOW)
    const [first] = (await readHits(stores, { limit: 1 }, NEVER)).hits
    const marking = { id: first!.id, by: 'kim', why: 'ours', now: NOW }
    expect(await markHit(stores, marking, NEVER)).toMatchObject({ falsePositive: { by: 'kim' } })
    await markHit(stores, marking, NEVER)
    await runner({ every: 0 }).runOnce(NOW, NEVER)
    expect(sent()).toEqual([])
    expect(await unmarkHit(stores, first!.id, NEVER)).toBe(true)
    await runner({ every: 0, falsePositives: true }).runOnce(NOW, NEVER)
    expect(sent()).toEqual([])
    await markHit(stores, marking, NEVER)
    await runner({ every: 0, falsePositives: true }).runOnce(NOW, NEVER)
    expect(sent()).toMatchObject([{ attribute_id: 1, type: 1, date_sighting: NOW / 1000 }])
  })

  it('of type 1 stand as long as one hit of the attribute is marked (H16)', async () => {
    hit(1, NOW - 2000)
    hit(1, NOW - 1000)
    const { hits } = await readHits(stores, { limit: 2 }, NEVER)
    const marking = { by: 'kim', why: 'ours', now: NOW }
    for (const { id } of hits) await markHit(stores, { id, ...marking }, NEVER)
    await unmarkHit(stores, hits[0]!.id, NEVER)
    await runner({ falsePositives: true }).runOnce(NOW, NEVER)
    expect(sent()).toMatchObject([{ attribute_id: 1, type: 1 }])
  })

  it('of type 1 are proposed once, where two people mark a hit at the same time (H16)', async () => {
    hit(1, NOW)
    const [first] = (await readHits(stores, { limit: 1 }, NEVER)).hits
    const mark = (by: string) =>
      markHit(stores, { id: first!.id, by, why: 'ours', now: NOW }, NEVER)
    const marked = await Promise.all([mark('kim'), mark('ada')])
    expect(marked.map((one) => one?.falsePositive?.by)).toEqual(['kim', 'kim'])
    const row = stores.db.prepare('SELECT count FROM sighting WHERE type = 1').get()
    expect(row).toMatchObject({ count: 1 })
  })

  it('do not count what was called false before they are told (H17)', async () => {
    for (const [attribute, ago] of [
      [1, 30],
      [1, 20],
      [1, 10],
      [2, 5],
    ] as const) {
      hit(attribute, NOW - ago * 1000)
    }
    await runner().gather(NOW, NEVER)
    const { hits } = await readHits(stores, { limit: 10 }, NEVER)
    const mark = (ago: number) => {
      const { id } = hits.find(({ first }) => first === NOW - ago * 1000)!
      return markHit(stores, { id, by: 'kim', why: 'ours', now: NOW }, NEVER)
    }
    // The newest of several, and the only one; a mark that is taken back counts for nothing.
    for (const ago of [10, 5, 20]) await mark(ago)
    const { id } = hits.find(({ first }) => first === NOW - 20_000)!
    await runner().runOnce(NOW + 1000, NEVER)
    await unmarkHit(stores, id, NEVER)
    await runner({ every: 0 }).runOnce(NOW + 2000, NEVER)
    expect(sent()).toMatchObject([{ attribute_id: 1, type: 0, date_sighting: NOW / 1000 - 20 }])
    const row = stores.db.prepare('SELECT count, first FROM sighting WHERE type = 0').get()
    expect(row).toMatchObject({ count: 2, first: NOW - 30_000 })
    const left = stores.db.prepare('SELECT count(*) AS n FROM sighted').get()
    expect(left).toMatchObject({ n: 0 })
  })
})
