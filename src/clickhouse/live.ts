/**
 * Live matching: one materialized view on flows, through tables in memory. What it meets goes through a
 * table that stores nothing to three small views: hits to be stored; what is only counted, by indicator
 * and hour; and how many hits an indicator has had in the hour, which decides between the two.
 */
import { type LiveNames, liveNames } from './live-tables.js'
import { type FlowColumns, MET, matching, type Telling } from './matching.js'
import { beside, quoted, type TableName } from './names.js'
import { countedTable, flowTables, type TableSchema, type Tables } from './schema.js'

export interface View {
  readonly name: TableName
  readonly sql: string
}

/** What the views need beside hits and what flows are matched with; nothing of it is lasting. */
export function viewTables(tables: Tables): readonly TableSchema[] {
  const { columns } = flowTables(tables).hits
  const met = columns.filter(({ name }) => (MET as readonly string[]).includes(name))
  return [
    {
      name: metName(tables),
      columns: [
        ...met,
        { name: 'hour', definition: 'DateTime' },
        { name: 'tally', definition: 'UInt64' },
        { name: 'fate', definition: 'UInt8' },
      ],
      layout: 'ENGINE = Null',
    },
    {
      name: runningName(tables),
      columns: [
        { name: 'tally', definition: 'UInt64' },
        { name: 'n', definition: 'UInt64' },
      ],
      layout: 'ENGINE = Join(ANY, LEFT, tally) SETTINGS persistent = 0, join_any_take_last_row = 1',
    },
  ]
}

/** Whatever is met, until it is known what becomes of it. */
function metName({ hits }: Pick<Tables, 'hits'>): TableName {
  return beside(hits, `tipline_met_${hits.table}`)
}

/** How many hits of an attribute in an hour were stored. In memory only. */
export function runningName({ hits }: Pick<Tables, 'hits'>): TableName {
  return beside(hits, `tipline_running_${hits.table}`)
}

/**
 * The view under misp2ch's name, and in the place of its second one a view that matches nothing; and the
 * three behind the first.
 */
export function viewNames({ hits }: Pick<Tables, 'hits'>) {
  const part = (what: string) => beside(hits, `tipline_${what}_${hits.table}_mv`)
  return {
    view: beside(hits, `${hits.table}_mv`),
    reverse: beside(hits, `${hits.table}_rev_mv`),
    store: part('store'),
    count: part('count'),
    run: part('run'),
  }
}

/** Those that match, in the order in which they can be created. */
export function matchingViews(tables: Pick<Tables, 'hits'>): readonly TableName[] {
  const { store, count, run, view } = viewNames(tables)
  return [store, count, run, view]
}

const STORED = 0
const UNANSWERED = 1
const FLOOD = 2

/** In the order in which they can be created; the first that sees flows comes last. */
export function liveViews(
  tables: Tables,
  { flows, telling, names = liveNames(tables) }: LiveViews,
): readonly View[] {
  const met = quoted(metName(tables))
  const running = runningName(tables)
  const view = (name: TableName, to: TableName, select: string) => ({
    name,
    sql: `CREATE MATERIALIZED VIEW ${quoted(name)} TO ${quoted(to)} AS\n${select}`,
  })
  const views = viewNames(tables)
  const had = `joinGet('${running.database}.${running.table}', 'n', tally)`
  return [
    view(views.store, tables.hits, `SELECT ${MET.join(', ')} FROM ${met} WHERE fate = ${STORED}`),
    view(
      views.count,
      countedTable(tables).name,
      `SELECT hour, misp, attr_uuid, if(fate = ${FLOOD}, 'flood', 'unanswered') AS why,
        count() AS live_flows, sum(pkt) AS live_pkt, sum(byt) AS live_byt, min(ts) AS first,
        max(te) AS last, any(event_uuid) AS event_uuid, any(id) AS id,
        any(destination_ip) AS address, any(kind) AS kind, any(type) AS type, any(info) AS info
      FROM ${met} WHERE fate != ${STORED} GROUP BY hour, misp, attr_uuid, why`,
    ),
    view(
      views.run,
      running,
      `SELECT tally, ${had} + count() AS n FROM ${met} WHERE fate = ${STORED} GROUP BY tally`,
    ),
    view(
      views.view,
      metName(tables),
      `SELECT ${MET.join(', ')}, hour, tally, multiIf(unanswered, ${UNANSWERED},
        ${had} + row_number() OVER (PARTITION BY tally, unanswered) > ${telling.maxHits}, ${FLOOD},
        ${STORED}) AS fate
      FROM (${matching({ ...flows, names, telling, via: 'live' })})`,
    ),
  ]
}

interface LiveViews {
  readonly flows: FlowColumns
  readonly telling: Telling
  readonly names?: LiveNames
}

/** Counts anew what the hour has had, after a restart of ClickHouse or when too much is remembered. */
export function recount(tables: Tables): readonly string[] {
  const running = quoted(runningName(tables))
  return [
    `TRUNCATE TABLE ${running}`,
    `INSERT INTO ${running} SELECT cityHash64(misp, attr_uuid, toStartOfHour(ts, 'UTC')) AS tally, count() AS n
      FROM ${quoted(tables.hits)} WHERE ts >= now() - 7200 GROUP BY tally`,
  ]
}

/** misp2ch creates its views where they are not there: this one keeps the name taken. */
export function createReverse(tables: Tables): string {
  const { reverse } = viewNames(tables)
  return `CREATE VIEW IF NOT EXISTS ${quoted(reverse)} AS
    SELECT * FROM ${quoted(tables.hits)} WHERE reverse = 1`
}

export function dropView(name: TableName): string {
  return `DROP TABLE IF EXISTS ${quoted(name)} SYNC`
}
