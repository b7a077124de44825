/** Another process that writes to a ledger, for lookups.test.ts: each line of stdin is a JSON list of values. */
import { createInterface } from 'node:readline'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { pullValues } from './ledger.js'

const writer = new LedgerWriter(process.argv[2]!)
const source = writer.registerSources(['main'])[0]!.id
for await (const line of createInterface({ input: process.stdin })) {
  const { event, given } = JSON.parse(line) as {
    event: string
    given: { type: string; value: string }[]
  }
  pullValues(writer, { source, name: event, given, now: 3000 })
  process.stdout.write('pulled\n')
}
writer.close()
