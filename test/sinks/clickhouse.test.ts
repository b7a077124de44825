import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { clickhouseSink } from '../../src/sinks/clickhouse/sink.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { type SinkServer, sinkConformance } from './conformance.js'
import { NOW } from './states.js'

sinkConformance({
  name: 'clickhouse (embedded)',
  available: hasEngine(),
  durable: true,
  start,
})

async function start(): Promise<SinkServer> {
  const engine = await TestEngine.start()
  const settings = clickhouseSinkSettings.parse({})
  const deps = {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceNames: ['main', 'feed'],
    dataDir: engine.dataDir,
    clock: () => NOW,
  }
  let db = await engine.connect()
  return {
    sink: () => clickhouseSink(settings, deps),
    read: async (_, value) => {
      const rows = await db.rows(
        `SELECT * EXCEPT insert_ts FROM nfsen.iocs
         WHERE ip = {value:String} AND misp != 'other' ORDER BY uuid`,
        { params: { value } },
      )
      return rows.length === 0 ? null : JSON.stringify(rows)
    },
    reset: () => db.command('DROP DATABASE IF EXISTS nfsen SYNC'),
    foreign: {
      write: () =>
        db.insert({
          table: 'nfsen.iocs',
          columns: ['ts', 'misp', 'uuid', 'event_uuid', 'event_id', 'ip', 'port'],
          rows: [[NOW, 'other', 'theirs', 'e', 1, '198.51.100.7', 443]],
        }),
      isThere: async () => {
        const row = await db.row<{ n: string }>(
          "SELECT count() AS n FROM nfsen.iocs WHERE misp = 'other' AND uuid = 'theirs'",
        )
        return row.n === '1'
      },
    },
    kill: () => engine.kill(),
    restart: async () => {
      await db.close()
      await engine.restart()
      db = await engine.connect()
    },
    close: async () => {
      await db.close()
      await engine.close()
    },
  }
}
