/**
 * The tables, as SQL. misp2ch's and nfdump2clickhouse's columns come first and under their names, ours
 * follow; what an earlier tool created is kept and gets the columns that it lacks.
 */
import { BITS_COLUMNS, BY_ADDRESS, STILL_DELETES } from './by-address.js'
import { beside, identifier, quoted, type TableName } from './names.js'

export interface Tables {
  readonly iocs: TableName
  readonly hits: TableName
  readonly flows: TableName
}

export interface Column {
  readonly name: string
  /** Type and default, as SQL. */
  readonly definition: string
}

export interface TableSchema {
  readonly name: TableName
  readonly columns: readonly Column[]
  /** As SQL. */
  readonly projections?: readonly string[]
  /** From ENGINE on. */
  readonly layout: string
}

/** Every table that a sink needs: the indicators, and what it keeps for itself beside them. */
export function sinkTables({ iocs }: Pick<Tables, 'iocs'>): readonly TableSchema[] {
  return [iocsTable(iocs), batchTable(iocs), stateTable(iocs)]
}

const IOC_COLUMNS: readonly Column[] = columns([
  ['ts', 'DateTime'],
  ['misp', 'String'],
  ['uuid', 'String'],
  ['event_uuid', 'String'],
  ['event_id', 'UInt32'],
  ['ip', 'String'],
  ['port', 'UInt16 DEFAULT 0'],
  ['info', "String DEFAULT ''"],
])

const OUR_IOC_COLUMNS: readonly Column[] = columns([
  ['kind', "LowCardinality(String) DEFAULT ''"],
  ['type', "LowCardinality(String) DEFAULT ''"],
  ['prefix', 'UInt8 DEFAULT 0'],
  ['tags', 'Array(String) DEFAULT []'],
  // Of the event: 1 high, 2 medium, 3 low, 4 undefined; 0: nobody says.
  ['threat_level', 'UInt8 DEFAULT 0'],
  ['first_seen', 'Nullable(DateTime) DEFAULT NULL'],
  ['last_seen', 'Nullable(DateTime) DEFAULT NULL'],
  ['live_since', "DateTime DEFAULT toDateTime(0, 'UTC')"],
  ['print', "String DEFAULT ''"],
])

/** What is written of an indicator; `insert_ts` comes from ClickHouse. */
export const IOC_VALUES: readonly string[] = [...IOC_COLUMNS, ...OUR_IOC_COLUMNS].map(
  ({ name }) => name,
)

function iocsTable(name: TableName): TableSchema {
  return {
    name,
    columns: [
      ...IOC_COLUMNS,
      { name: 'insert_ts', definition: 'DateTime DEFAULT now()' },
      ...OUR_IOC_COLUMNS,
    ],
    layout: 'ENGINE = MergeTree PRIMARY KEY (ip, port) ORDER BY (ip, port)',
  }
}

/**
 * Hits and flows: created where they are absent; hits also get our columns. `keepSeconds`: how long hits
 * are kept; null: for ever.
 */
export function flowTables(
  { hits, flows }: Pick<Tables, 'hits' | 'flows'>,
  keepSeconds: number | null = KEEP_SECONDS,
): {
  readonly hits: TableSchema
  readonly flows: TableSchema
} {
  return {
    hits: {
      name: hits,
      columns: columns(HIT_COLUMNS),
      // By the month: what a backscan stores reaches weeks back, and each partition costs it a part.
      layout: `ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(ts) PRIMARY KEY (ts, source_ip)
ORDER BY (ts, source_ip, hit)${ttlOf('te', keepSeconds)}
SETTINGS non_replicated_deduplication_window = 100000`,
    },
    flows: {
      name: flows,
      columns: columns([...FLOW_COLUMNS, ...BITS_COLUMNS]),
      projections: BY_ADDRESS,
      // A week becomes one part when it is over: in each part an address is looked for by itself.
      layout: `ENGINE = MergeTree PARTITION BY toMonday(ts) PRIMARY KEY (ts, te)
ORDER BY (ts, te, sa, da) TTL te + toIntervalDay(90)
SETTINGS ttl_only_drop_parts = 1, min_age_to_force_merge_seconds = 86400,
  min_age_to_force_merge_on_partition_only = 1, ${STILL_DELETES},
  non_replicated_deduplication_window = 100000`,
    },
  }
}

const KEEP_SECONDS = 90 * 86_400

/** From its definition: tipline creates it with the number of a hit in its key. */
export function isOurHits(definition: string): boolean {
  return definition.includes('ORDER BY (ts, source_ip, hit)')
}

/** Parts that are too old go with the next merge; rewriting all of them now would help nobody. */
export function setTtl(
  table: TableName,
  { column, keepSeconds }: { column: string; keepSeconds: number | null },
): string {
  const change = keepSeconds === null ? 'REMOVE TTL' : `MODIFY ${ttlOf(column, keepSeconds).trim()}`
  return `ALTER TABLE ${quoted(table)} ${change} SETTINGS materialize_ttl_after_modify = 0`
}

/** As ClickHouse writes it back. */
export function ttlOf(column: string, keepSeconds: number | null): string {
  if (keepSeconds === null) return ''
  const isDays = keepSeconds % 86_400 === 0
  const interval = isDays ? `Day(${keepSeconds / 86_400})` : `Second(${keepSeconds})`
  return ` TTL ${column} + toInterval${interval}`
}

/**
 * What was met and is counted, by indicator and hour, instead of stored: unanswered contacts from
 * outside, and flows beyond the most hits of an hour. What the live view counts is added up; what a
 * backscan counts is all of an hour, so the most counts, and to count an hour again changes nothing.
 */
export function countedTable(
  { hits }: Pick<Tables, 'hits'>,
  keepSeconds: number | null = KEEP_SECONDS,
): TableSchema {
  const sum = 'SimpleAggregateFunction(sum, UInt64)'
  const most = 'SimpleAggregateFunction(max, UInt64)'
  const last = (type: string) => `SimpleAggregateFunction(anyLast, ${type})`
  return {
    name: beside(hits, `tipline_counted_${hits.table}`),
    columns: columns([
      ['hour', 'DateTime'],
      ['misp', 'String'],
      ['attr_uuid', 'String'],
      ['why', 'LowCardinality(String)'],
      ['live_flows', sum],
      ['live_pkt', sum],
      ['live_byt', sum],
      ['past_flows', most],
      ['past_pkt', most],
      ['past_byt', most],
      ['first', 'SimpleAggregateFunction(min, DateTime)'],
      ['last', 'SimpleAggregateFunction(max, DateTime)'],
      ['event_uuid', last('String')],
      ['id', last('UInt32')],
      ['address', last('String')],
      ['kind', last('String')],
      ['type', last('String')],
      ['info', last('String')],
    ]),
    layout: `ENGINE = AggregatingMergeTree PARTITION BY toYYYYMM(hour)
ORDER BY (hour, misp, attr_uuid, why)${ttlOf('hour', keepSeconds)}
SETTINGS non_replicated_deduplication_window = 100000`,
  }
}

/** Stretches of time in which flows were not matched as they came. */
export function gapsTable({ iocs }: Pick<Tables, 'iocs'>): TableSchema {
  return {
    name: beside(iocs, `tipline_gaps_${iocs.table}`),
    columns: columns([
      ['gap', 'String'],
      ['began', 'DateTime'],
      // Not after its beginning: it was closed.
      ['ended', 'DateTime'],
      ['why', 'LowCardinality(String)'],
      ['at', 'DateTime64(6) DEFAULT now64(6)'],
    ]),
    layout: 'ENGINE = ReplacingMergeTree(at) ORDER BY gap',
  }
}

/** Which files were imported. */
export function filesTable({ flows }: Pick<Tables, 'flows'>): TableSchema {
  return {
    name: beside(flows, `tipline_files_${flows.table}`),
    columns: columns([
      ['flowsrc', 'String'],
      ['hash', 'String'],
      ['name', 'String'],
      ['size', 'UInt64'],
      ['modified', 'DateTime'],
      ['outcome', 'LowCardinality(String)'],
      ['flows', 'UInt64'],
      ['reason', 'String'],
      ['at', 'DateTime64(6) DEFAULT now64(6)'],
      ['path', "String DEFAULT ''"],
      ['print', "String DEFAULT ''"],
    ]),
    layout: 'ENGINE = ReplacingMergeTree(at) ORDER BY (flowsrc, hash, path)',
  }
}

/** Which indicators a backscan looked for. */
export function lookedTable({ iocs }: Pick<Tables, 'iocs'>): TableSchema {
  return {
    name: beside(iocs, `tipline_looked_${iocs.table}`),
    columns: columns([
      ['target', 'UInt64'],
      ['backscan', 'String'],
    ]),
    layout: 'ENGINE = ReplacingMergeTree ORDER BY (target, backscan)',
  }
}

/**
 * Where what a slice has met stands until it is stored, a partition for each backscan; what a killed one
 * has left goes by itself.
 */
export function foundTable({ iocs }: Pick<Tables, 'iocs'>): TableSchema {
  return {
    name: beside(iocs, `tipline_found_${iocs.table}`),
    columns: columns([
      ['backscan', 'String'],
      ...HIT_COLUMNS.filter(([name]) => name !== 'insert_ts'),
      ['hour', 'DateTime'],
      ['tally', 'UInt64'],
      ['unanswered', 'UInt8'],
      ['at', 'DateTime DEFAULT now()'],
    ]),
    layout: `ENGINE = MergeTree PARTITION BY backscan ORDER BY hit TTL at + toIntervalDay(1)
SETTINGS ttl_only_drop_parts = 1`,
  }
}

/** How far back each backscan has come. */
export function backscansTable({ iocs }: Pick<Tables, 'iocs'>): TableSchema {
  return {
    name: beside(iocs, `tipline_backscans_${iocs.table}`),
    columns: columns([
      ['backscan', 'String'],
      ['back_to', 'SimpleAggregateFunction(min, DateTime)'],
    ]),
    layout: 'ENGINE = AggregatingMergeTree ORDER BY backscan',
  }
}

const HIT_COLUMNS = [
  ['misp', 'String'],
  ['source_ip', 'String'],
  ['destination_ip', 'String'],
  ['dp', 'UInt16'],
  ['pkt', 'UInt64'],
  ['byt', 'UInt64'],
  ['reverse', 'UInt8'],
  ['event_uuid', 'String'],
  ['id', 'UInt32'],
  ['attr_uuid', 'String'],
  ['ts', 'DateTime'],
  ['te', 'DateTime'],
  ['info', 'String'],
  ['insert_ts', 'DateTime DEFAULT now()'],
  ['via', "LowCardinality(String) DEFAULT ''"],
  ['kind', "LowCardinality(String) DEFAULT ''"],
  ['type', "LowCardinality(String) DEFAULT ''"],
  ['flowsrc', "LowCardinality(String) DEFAULT ''"],
  ['network', "LowCardinality(String) DEFAULT ''"],
  ['role', "LowCardinality(String) DEFAULT ''"],
  ['answered', "LowCardinality(String) DEFAULT ''"],
  ['hit', 'UInt64 DEFAULT 0'],
] as const

const FLOW_COLUMNS = [
  ['ts', 'DateTime DEFAULT 0'],
  ['te', 'DateTime DEFAULT 0'],
  ['sa', 'String'],
  ['da', 'String'],
  ['sp', 'UInt16 DEFAULT 0'],
  ['dp', 'UInt16 DEFAULT 0'],
  ['pr', 'UInt8 DEFAULT 0'],
  ['prs', 'LowCardinality(String)'],
  ['flg', 'LowCardinality(String)'],
  ['ipkt', 'UInt64'],
  ['ibyt', 'UInt64'],
  ['smk', 'UInt8'],
  ['dmk', 'UInt8'],
  ['ra', 'LowCardinality(String)'],
  ['in', 'UInt16 DEFAULT 0'],
  ['out', 'UInt16 DEFAULT 0'],
  ['sas', 'UInt32 DEFAULT 0'],
  ['das', 'UInt32 DEFAULT 0'],
  ['exid', 'UInt16 DEFAULT 0'],
  ['flowsrc', 'LowCardinality(String)'],
] as const

/** Where the states of a batch are put down, so that ClickHouse itself finds what differs. */
export function batchName(iocs: TableName): TableName {
  return beside(iocs, `tipline_batch_${iocs.table}`)
}

function batchTable(iocs: TableName): TableSchema {
  return {
    name: batchName(iocs),
    columns: [
      ...columns([
        ['batch', 'String'],
        // A key may come more than once in a batch; its last state counts.
        ['turn', 'UInt32'],
        ['present', 'UInt8'],
      ]),
      ...IOC_COLUMNS,
      ...OUR_IOC_COLUMNS,
    ],
    layout: 'ENGINE = MergeTree PARTITION BY batch ORDER BY (ip, turn)',
  }
}

/** What a sink remembers of itself: one row a name, the newest counts. */
export function stateName(iocs: TableName): TableName {
  return beside(iocs, `tipline_state_${iocs.table}`)
}

function stateTable(iocs: TableName): TableSchema {
  return {
    name: stateName(iocs),
    columns: columns([
      ['name', 'String'],
      ['value', 'String'],
      ['at', 'DateTime64(6) DEFAULT now64(6)'],
    ]),
    layout: 'ENGINE = ReplacingMergeTree(at) ORDER BY name',
  }
}

export function createDatabase({ database }: TableName): string {
  return `CREATE DATABASE IF NOT EXISTS ${identifier(database)}`
}

export function createTable({ name, columns, projections = [], layout }: TableSchema): string {
  const lines = [
    ...columns.map((column) => `  ${identifier(column.name)} ${column.definition}`),
    ...projections.map((projection) => `  ${projection}`),
  ]
  return `CREATE TABLE IF NOT EXISTS ${quoted(name)}\n(\n${lines.join(',\n')}\n)\n${layout}`
}

export function addColumn(table: TableName, { name, definition }: Column): string {
  return `ALTER TABLE ${quoted(table)} ADD COLUMN IF NOT EXISTS ${identifier(name)} ${definition}`
}

function columns(pairs: readonly (readonly [name: string, definition: string])[]): Column[] {
  return pairs.map(([name, definition]) => ({ name, definition }))
}
