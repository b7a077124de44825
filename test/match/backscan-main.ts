/** One backscan as a process of its own, for a test to kill; after each slice it says how far it is. */
import { ClickHouse } from '../../src/clickhouse/client.js'
import { PLAIN } from '../../src/clickhouse/matching.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { backscan } from '../../src/match/backscan/backscan.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'

const [socket, since, until, maxHits] = process.argv.slice(2) as [
  socket: string,
  since: string,
  until: string,
  maxHits: string,
]
const db = await ClickHouse.connect({
  url: 'http://engine',
  socket,
  warnings: null,
  name: 'the embedded ClickHouse',
  user: 'default',
  password: '',
  ca: null,
  ignoreCertErrors: false,
  timeoutMs: 120_000,
})
const report = await backscan({
  db,
  tables: tablesOf(clickhouseSinkSettings.parse({})),
  since: Number(since),
  until: Number(until),
  value: null,
  telling: { ...PLAIN, maxHits: Number(maxHits) },
  limits: { sliceSeconds: 86_400 },
  progress: ({ from }) => process.stdout.write(`${from}\n`),
  signal: new AbortController().signal,
})
await db.close()
process.stdout.write(`${JSON.stringify(report)}\n`)
