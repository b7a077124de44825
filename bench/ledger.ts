/**
 * How fast the ledger stages, judges, applies and reads, without network and sinks. For profiling:
 * `npm run bench -- ledger [attributes]`.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openForReading } from '../src/ledger/database.js'
import { StateReader } from '../src/ledger/states.js'
import { LedgerWriter } from '../src/ledger/writer.js'
import { stage } from './staged.js'

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

main(Number(process.argv[2] ?? 200_000))
