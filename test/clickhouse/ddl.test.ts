/** The SQL that `tipline doctor --sql` prints, against the engine's own parser. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { clusterStatements, schemaStatements } from '../../src/clickhouse/ddl.js'
import { parseTableName } from '../../src/clickhouse/names.js'
import { hasEngine, TestEngine } from './engine.js'

const table = (text: string) => parseTableName(text)!
const TABLES = {
  iocs: table('nfsen.iocs'),
  hits: table('nfsen.ioc_hits_local'),
  flows: table('net.flows_local'),
}

describe.skipIf(!hasEngine())('printed SQL', () => {
  let engine: TestEngine
  let db: ClickHouse
  beforeAll(async () => {
    engine = await TestEngine.start()
    db = await engine.connect()
  })
  afterAll(async () => {
    await db?.close()
    await engine?.close()
  })

  it('makes all that is needed where nothing is', async () => {
    for (const sql of schemaStatements(TABLES)) await db.command(sql)
    const rows = await db.rows<{ name: string }>(
      "SELECT name FROM system.tables WHERE database IN ('nfsen', 'net')",
    )
    const names = rows.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['iocs', 'ioc_hits_local', 'flows_local', 'ioc_hits_local_mv']),
    )
    await db.command(
      `INSERT INTO net.flows_local (ts, te, sa, da) VALUES (now(), now(), '192.0.2.1', '192.0.2.2')`,
      { settings: { materialized_views_ignore_errors: 0 } },
    )
  })

  it('of a cluster is what the parser of ClickHouse takes', async () => {
    const statements = clusterStatements(TABLES, 'netflow')
    for (const sql of statements) {
      // Which parses it, and throws where it can not.
      const [formatted] = await db.rows<{ sql: string }>(
        'SELECT formatQuerySingleLine({sql:String}) AS sql',
        { params: { sql } },
      )
      expect(formatted?.sql).toMatch(/^CREATE .* ON CLUSTER netflow/)
    }
    const broken = { params: { sql: 'CREATE TABLE ON CLUSTER' } }
    await expect(db.rows('SELECT formatQuery({sql:String})', broken)).rejects.toThrow()
    const all = statements.join('\n')
    expect(all).toMatch(/`flows_local` ON CLUSTER[^;]*?ENGINE = ReplicatedMergeTree\('\/clickhouse/)
    expect(all).toContain('ENGINE = ReplicatedReplacingMergeTree')
    expect(all).toContain('`net`.`flows` ON CLUSTER `netflow`\nAS `net`.`flows_local`')
    expect(all).toContain('Distributed(`netflow`, `nfsen`, `ioc_hits_local`')
    expect(all).not.toContain('non_replicated')
  })
})
