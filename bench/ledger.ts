/**
 * How fast the ledger stages, judges, applies and reads, without network and sinks. For profiling:
 * `npm run bench -- ledger [attributes]`.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StateReader } from '../src/ledger/changes.js'
import { openForReading } from '../src/ledger/database.js'
import type { StagedAttribute, StagedEvent } from '../src/ledger/staging.js'
import { LedgerWriter } from '../src/ledger/writer.js'

const ATTRIBUTES_OF_EVENT = 100

function main(attributes: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
  const writer = new LedgerWriter(folder)
  const figures: Record<string, number> = { attributes }
  const measure = (name: string, work: () => void) => {
    const start = process.hrtime.bigint()
    const cpu = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(cpu)
    figures[`${name}_us_per_attribute`] =
      Number(process.hrtime.bigint() - start) / 1000 / attributes
    figures[`${name}_cpu_us_per_attribute`] = (user + system) / attributes
  }
  const [source] = writer.registerSources(['main'])
  writer.beginStaging()
  measure('stage', () => stage(writer, attributes))
  measure('judge', () => writer.judge({ source: source!.id }))
  measure('apply', () => {
    writer.beginApply({
      source: source!.id,
      now: 1_800_000_000,
      withholdAbsent: false,
      withholdAdded: false,
    })
    while (writer.applyNext() === null);
  })
  const states = new StateReader(openForReading(folder))
  measure('read_touched', () => {
    for (
      let cursor = 0, batch = states.touchedAfter(0, 5000);
      batch;
      batch = states.touchedAfter(cursor, 5000)
    ) {
      cursor = batch.seq
    }
  })
  measure('read_everything', () => {
    for (const _ of states.everything(5000));
  })
  figures.bytes_per_attribute = statSync(join(folder, 'ledger.db')).size / attributes
  figures.rss_mb = process.memoryUsage().rss / 1e6
  writer.close()
  rmSync(folder, { recursive: true })
  console.log(JSON.stringify(figures, null, 2))
}

function stage(writer: LedgerWriter, attributes: number): void {
  for (let first = 0; first < attributes; first += ATTRIBUTES_OF_EVENT * 10) {
    const events = Array.from({ length: 10 }, (_, n) => event(first / ATTRIBUTES_OF_EVENT + n))
    writer.stageEvents(events)
    writer.stageAttributes(
      Array.from({ length: ATTRIBUTES_OF_EVENT * 10 }, (_, n) =>
        attribute(events[Math.floor(n / ATTRIBUTES_OF_EVENT)]!, first + n),
      ),
    )
  }
}

function event(n: number): StagedEvent {
  return {
    uuid: uuid(`event ${n}`),
    mispId: String(n + 1),
    timestamp: 1_790_000_000 + n,
    published: true,
    publishTimestamp: 1_790_000_000 + n,
    info: `Event ${n} about something that happened`,
    orgc: 'ORGNAME',
    tags: ['tlp:green', 'kill-chain:Delivery'],
    removalsOnly: false,
    recheck: false,
  }
}

function attribute(of: StagedEvent, n: number): StagedAttribute {
  const hash = createHash('sha256').update(`attribute ${n}`).digest('hex')
  const ip = n % 2 === 0
  const value = ip ? `2001:db8:${hash.slice(0, 4)}:${hash.slice(4, 8)}::${hash.slice(8, 12)}` : hash
  return {
    event: of.uuid,
    uuid: uuid(`attribute ${n}`),
    type: ip ? 'ip-dst' : 'sha256',
    value,
    timestamp: 1_790_000_000,
    firstSeen: null,
    lastSeen: null,
    tags: [],
    aside: null,
    gone: null,
    meanings: [
      {
        space: ip ? 'ip' : 'sha256',
        value,
        port: 0,
        alias: false,
        weak: false,
        heldRule: null,
        heldWhy: null,
        labels: [],
        recheckAt: ip ? 1_830_000_000 + n : null,
      },
    ],
  }
}

function uuid(seed: string): string {
  const h = createHash('md5').update(seed).digest('hex')
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20)}`
}

main(Number(process.argv[2] ?? 200_000))
