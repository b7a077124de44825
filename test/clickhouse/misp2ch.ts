/** What misp2ch and nfdump2clickhouse leave behind in a database, as far as others rely on it. */
import type { ClickHouse } from '../../src/clickhouse/client.js'

export const FLOWS_NOW = `
  ts DateTime DEFAULT 0, te DateTime DEFAULT 0, sa String, da String,
  sp UInt16 DEFAULT 0, dp UInt16 DEFAULT 0, pr UInt8 DEFAULT 0, prs LowCardinality(String),
  flg LowCardinality(String), ipkt UInt64, ibyt UInt64, smk UInt8, dmk UInt8,
  ra LowCardinality(String), \`in\` UInt16 DEFAULT 0, out UInt16 DEFAULT 0,
  sas UInt32 DEFAULT 0, das UInt32 DEFAULT 0, exid UInt16 DEFAULT 0,
  flowsrc LowCardinality(String)`

export const FLOWS_OLD = `
  ts DateTime DEFAULT 0, te DateTime DEFAULT 0, sa String, da String,
  sp UInt16 DEFAULT 0, dp UInt16 DEFAULT 0, pr Nullable(String),
  flg String, ipkt UInt64, ibyt UInt64, ra String, flowsrc String`

const IOCS = `
  ts DateTime, misp String, uuid String, event_uuid String, event_id UInt32, ip String,
  port UInt16 DEFAULT 0, info String DEFAULT '', insert_ts DateTime DEFAULT now()`

const HITS = `
  misp String, source_ip String, destination_ip String, dp UInt16, pkt UInt64, byt UInt64,
  reverse UInt8, event_uuid String, id UInt32, attr_uuid String, ts DateTime, te DateTime,
  info String, insert_ts DateTime DEFAULT now()`

/** What is there it leaves as it is, as misp2ch does whenever it runs. */
export async function createMisp2chTables(db: ClickHouse, flows = FLOWS_NOW): Promise<void> {
  await db.command('CREATE DATABASE IF NOT EXISTS nfsen')
  await db.command(
    `CREATE TABLE IF NOT EXISTS nfsen.flows (${flows}) ENGINE = MergeTree PARTITION BY tuple()
     PRIMARY KEY (ts, te) ORDER BY (ts, te, sa, da) TTL te + toIntervalDay(90)`,
  )
  await db.command(
    `CREATE TABLE IF NOT EXISTS nfsen.iocs (${IOCS}) ENGINE = MergeTree PARTITION BY tuple()
     PRIMARY KEY (ip, port) ORDER BY (ip, port)`,
  )
  await db.command(
    `CREATE TABLE IF NOT EXISTS nfsen.ioc_hits (${HITS}) ENGINE = MergeTree PARTITION BY tuple()
     PRIMARY KEY (ts, source_ip) ORDER BY (ts, source_ip) TTL te + toIntervalDay(90)`,
  )
  await db.command(view('ioc_hits_mv', ['sa', 'da', 'dp', '0']))
  await db.command(view('ioc_hits_rev_mv', ['da', 'sa', 'sp', '1']))
}

/** One for each direction: the first address is told as the inside one, the second is looked up. */
function view(name: string, [inside, outside, port, reverse]: [string, string, string, string]) {
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS nfsen.${name} TO nfsen.ioc_hits AS
    SELECT i.misp AS misp, f.${inside} AS source_ip, f.${outside} AS destination_ip,
      f.${port} AS dp, f.ipkt AS pkt, f.ibyt AS byt, ${reverse} AS reverse,
      i.event_uuid AS event_uuid, i.event_id AS id, i.uuid AS attr_uuid, f.ts AS ts, f.te AS te,
      i.info AS info
    FROM nfsen.flows AS f INNER JOIN nfsen.iocs AS i ON f.${outside} = i.ip AND f.${port} = i.port`
}
