/**
 * misp2ch's own config, as its users have it: a MISP with HTTPS, a ClickHouse at localhost:8123, tables and
 * views that misp2ch made, and a misp2ch that somebody left in a cron.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { Gate } from '../clickhouse/gate.js'
import { createMisp2chTables } from '../clickhouse/misp2ch.js'
import { type Standin, startStandin } from '../misp/standin.js'
import { Store } from '../misp/store.js'
import { createAuthority } from '../misp-client/certs.js'
import { Site } from './site.js'

/** Where misp2ch goes, whatever its config says: the one port that a test can't choose. */
const PORT = 8123
const NOW = Math.floor(Date.now() / 1000)
/** Values may hold what begins a comment elsewhere. */
const TAG = 'watch;list#1'
const SLOW = 300_000

/** Two that are asked for, and two that are not. */
function store(): Store {
  const store = new Store()
  const at = { timestamp: store.now - 86_400, publish_timestamp: store.now - 86_000 }
  store.addEvent({
    ...at,
    info: `Command and control, 'quoted' \\ "twice"`,
    tags: [TAG],
    attributes: [
      { type: 'ip-dst|port', value: '198.51.100.7|443' },
      { type: 'ip-dst|port', value: '203.0.113.9|8443' },
      { type: 'ip-dst', value: '198.51.100.8' },
    ],
  })
  store.addEvent({ ...at, attributes: [{ type: 'ip-dst|port', value: '198.51.100.9|443' }] })
  return store
}

describe.skipIf(!hasEngine())("sync with misp2ch's config", () => {
  const authority = createAuthority()
  let site: Site
  let misp: Standin
  let engine: TestEngine
  let db: ClickHouse
  let gate: Gate
  let isFree = true

  beforeAll(async () => {
    isFree = await canListen(PORT)
    if (!isFree) console.warn(`skipped: something else listens on port ${PORT}`)
  })

  beforeEach(async (context) => {
    if (!isFree) return context.skip()
    site = new Site()
    misp = await startStandin({ store, tls: authority.issue({ names: ['localhost'] }) })
    engine = await TestEngine.start()
    db = await engine.connect()
    gate = await Gate.open({ socket: () => engine.address.socket, port: PORT })
    site.write('ca.pem', authority.cert)
  })
  afterEach(async () => {
    if (!isFree) return
    await gate.close()
    await db.close()
    await engine.close()
    await misp.close()
    await site.close()
  })

  const writeConfig = (more = '') =>
    site.write(
      'misp2ch.conf',
      `[misp]
misp_fqdn = localhost:${misp.port}
; Set to false for a self-signed certificate
verify_tls = Yes
token = ${misp.keys.readonly}
# type and to_ids are set automatically
json_req = {"tags": ["${TAG}"], "published": 1}

[clickhouse]
ch_db_iocs = nfsen.iocs
ch_db_hits = nfsen.ioc_hits
ch_db_flows = nfsen.flows
${more}`,
    )

  const run = (...args: string[]) =>
    site.run([...args, '-c', 'misp2ch.conf'], { env: { NODE_EXTRA_CA_CERTS: 'ca.pem' } })

  const insertFlow = (sa: string, da: string, [sp, dp]: [number, number]) =>
    db.insert({
      table: 'nfsen.flows',
      columns: ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt'],
      rows: [[NOW - 3600, NOW - 3590, sa, da, sp, dp, 6, '...AP.SF', 10, 1000]],
    })

  const iocs = () =>
    db.rows<Record<string, unknown>>(
      'SELECT misp, ip, port, info FROM nfsen.iocs ORDER BY misp, ip',
    )
  const hits = () =>
    db.rows<Record<string, unknown>>(
      `SELECT source_ip, destination_ip, dp, reverse FROM nfsen.ioc_hits
       ORDER BY source_ip, destination_ip, reverse`,
    )

  /** `name type` of each column, in the table's order. */
  async function columns(table: string): Promise<string[]> {
    const rows = await db.rows<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = 'nfsen' AND table = {table:String}
       ORDER BY position`,
      { params: { table } },
    )
    return rows.map(({ name, type }) => `${name} ${type}`)
  }

  const TABLES = ['iocs', 'ioc_hits', 'flows']
  const allColumns = async () => await Promise.all(TABLES.map(columns))

  it(
    'goes on in its tables, beside one that is still in a cron',
    async () => {
      await createMisp2chTables(db)
      const theirs = await allColumns()
      const name = `localhost:${misp.port}`
      const known = misp.store.eventsById()[0]!.attributes()[0]!.uuid
      const insertIoc = (misp: string, uuid: string, ip: string, port: number) =>
        db.insert({
          table: 'nfsen.iocs',
          columns: ['ts', 'misp', 'uuid', 'event_uuid', 'event_id', 'ip', 'port', 'info'],
          rows: [[NOW - 9000, misp, uuid, 'e', 1, ip, port, 'as misp2ch wrote it']],
        })
      await insertIoc(name, known, '198.51.100.7', 443)
      await insertIoc('other.example', 'theirs', '192.0.2.200', 53)
      await insertFlow('192.0.2.1', '198.51.100.7', [50_000, 443])
      // Nobody knew of it yet.
      await insertFlow('192.0.2.2', '203.0.113.9', [50_000, 8443])
      expect(await hits()).toHaveLength(1)

      writeConfig()
      const ran = await run('sync', '-l', 'sync.log', '--debug')
      expect(ran).toMatchObject({ status: 0, stderr: '' })
      const log = readFileSync(`${site.folder}/sync.log`, 'utf8')
      expect(log).toContain("the views of an earlier tool are replaced by tipline's")
      expect(log).toContain('CREATE MATERIALIZED VIEW `nfsen`.`ioc_hits_mv`')
      expect(log).not.toContain(misp.keys.readonly)
      const info = `Command and control, 'quoted' \\ "twice"`
      expect(await iocs()).toEqual([
        { misp: name, ip: '198.51.100.7', port: 443, info },
        { misp: name, ip: '203.0.113.9', port: 8443, info },
        { misp: 'other.example', ip: '192.0.2.200', port: 53, info: 'as misp2ch wrote it' },
      ])
      for (const [at, ours] of (await allColumns()).entries()) {
        expect(ours.slice(0, theirs[at]!.length)).toEqual(theirs[at])
      }

      await insertFlow('203.0.113.9', '192.0.2.3', [8443, 50_000])
      await insertFlow('192.0.2.4', '192.0.2.200', [50_000, 53])
      expect(await hits()).toHaveLength(3)
      // The cron: it makes its tables and views where they are not there, and writes its rows.
      await createMisp2chTables(db)
      await insertIoc(name, 'by cron', '198.51.100.77', 443)
      await insertFlow('192.0.2.5', '198.51.100.7', [50_000, 443])
      expect(await hits()).toHaveLength(4)
      expect((await run('doctor')).stdout).toContain(
        'another tool writes into nfsen.iocs: 1 rows are not ours',
      )

      // What fell between, once.
      for (let n = 0; n < 2; n += 1)
        expect(await run('backscan', '--since', '1d')).toMatchObject({ status: 0 })
      const dp = { destination_ip: '203.0.113.9', dp: 8443 }
      expect(await hits()).toEqual([
        { source_ip: '192.0.2.1', destination_ip: '198.51.100.7', dp: 443, reverse: 0 },
        { source_ip: '192.0.2.2', ...dp, reverse: 0 },
        { source_ip: '192.0.2.3', ...dp, reverse: 1 },
        { source_ip: '192.0.2.4', destination_ip: '192.0.2.200', dp: 53, reverse: 0 },
        { source_ip: '192.0.2.5', destination_ip: '198.51.100.7', dp: 443, reverse: 0 },
      ])
    },
    SLOW,
  )

  it(
    'makes in an empty ClickHouse what it promises, keeps old rows and looks back',
    async () => {
      writeConfig('remove_old = False\nbackscan = 7\n')
      expect(await run('sync')).toMatchObject({ status: 0 })
      const ours = await allColumns()
      await insertFlow('192.0.2.1', '203.0.113.10', [50_000, 443])
      const [event] = misp.store.eventsById()
      misp.store.softDelete(event!.attributes()[0]!.uuid)
      misp.store.addAttribute(event!.id, { type: 'ip-dst|port', value: '203.0.113.10|443' })
      misp.store.publish(event!.id)
      expect(await run('sync')).toMatchObject({ status: 0 })
      expect((await iocs()).map(({ ip }) => ip)).toEqual([
        '198.51.100.7',
        '203.0.113.10',
        '203.0.113.9',
      ])
      expect(await hits()).toMatchObject([{ destination_ip: '203.0.113.10' }])
      await db.command('DROP DATABASE nfsen SYNC')
      await createMisp2chTables(db)
      for (const [at, theirs] of (await allColumns()).entries()) {
        expect(ours[at]!.slice(0, theirs.length)).toEqual(theirs)
      }
    },
    SLOW,
  )
})

async function canListen(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
