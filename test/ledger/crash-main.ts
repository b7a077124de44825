/** A fixed piece of work on a ledger, as a process of its own, for crash.test.ts to kill. */
import { openForReading } from '../../src/ledger/database.js'
import { activeHolds } from '../../src/ledger/holds.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { STEPS } from './crash-steps.js'
import { attribute, event, pullInto } from './rows.js'

const folder = process.argv[2]!
const writer = new LedgerWriter(folder)
const [source] = writer.registerSources(['main'])
for (const step of STEPS) {
  if (step.kind === 'pull') {
    pullInto(writer, {
      source: source!.id,
      now: step.now,
      events: Object.keys(step.events).map((uuid) => event(uuid, { timestamp: step.now })),
      attributes: Object.entries(step.events).flatMap(([uuid, values]) =>
        Object.entries(values).map(([id, value]) => attribute(uuid, id, value)),
      ),
      departures: step.departures,
    })
    writer.acceptPull({
      source: source!.id,
      at: step.now,
      settings: 's',
      identity: null,
      absent: 0,
    })
  } else if (step.kind === 'hold') {
    hold(step.value, step.now)
  } else {
    const db = openForReading(folder)
    const ids = activeHolds(db).filter((h) => h.target === step.value)
    db.close()
    writer.endHolds({ ids: ids.map(({ id }) => id), by: 'test', now: step.now })
    writer.moveCursor({ sink: 's', seq: 1, settings: 's', at: step.now })
    writer.prune({ sinks: ['s'], historyBefore: 0 })
  }
}
writer.close()

function hold(value: string, now: number): void {
  const db = openForReading(folder)
  const there = activeHolds(db).some(({ target }) => target === value)
  db.close()
  if (there) return
  const targets = [{ space: 'domain', value, port: 0 }]
  writer.addHold({
    hold: { target: value, targets, event: null, author: 'test', why: 'test', until: null },
    now,
  })
}
