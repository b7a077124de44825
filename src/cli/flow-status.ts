/** The part of `tipline status` that tells of flows; it is asked of ClickHouse. */
import type { ClickHouse } from '../clickhouse/client.js'
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import type { LoadedConfig } from '../config/load.js'
import { watchedOf } from '../flows/folders.js'
import type { CountedTotals } from '../hits/counted.js'
import { printable, silentLogger } from '../log.js'
import { type FlowReport, type FlowsToldOf, flowsToldOf, gapsOf } from '../match/flow-report.js'
import type { Context } from './context.js'
import { count, duration, moment, number, table } from './words.js'

/** Who asks for the status does not want to wait for a server that says nothing. */
export const PATIENCE = '10s'

/** null: the config has no ClickHouse. */
export async function flowsOf(config: LoadedConfig, context: Context): Promise<FlowsToldOf | null> {
  const { dataDir, sinks, flows } = config
  const { clickhouse } = sinks
  if (!clickhouse) return null
  const { signal } = context
  let db: ClickHouse | undefined
  try {
    return await flowsToldOf({
      open: async () => {
        const patient = { ...clickhouse, timeout: PATIENCE }
        db = await openClickHouse(patient, { dataDir, log: silentLogger(), signal })
        return db
      },
      tables: tablesOf(clickhouse),
      watch: flows.watch.map(({ folder, label }) => watchedOf(folder, label)),
      now: context.now(),
      signal,
    })
  } finally {
    await db?.close()
  }
}

export function flowLines({ report }: FlowsToldOf, now: number): string[] {
  if (report === null) return []
  const { engine, newest, matching } = report
  return [
    'flows:',
    ...table(
      [
        ['engine', `${engine.name}, version ${engine.version}`],
        ['matching', matchingWords(matching)],
        ['newest flow', newest === null ? 'none' : ago(newest, now)],
        ...fileRows(report, now),
        ...pastRows(report),
        ...report.counted.map((totals) => ['counted', `in 24 hours ${countedWords(totals)}`]),
      ],
      '  ',
    ),
  ]
}

function matchingWords({ live, since, seen, detached }: FlowReport['matching']): string {
  if (live) return since === null ? 'as they come' : `as they come, since ${moment(since)}`
  if (detached !== null) return `off: detached since ${moment(detached)} (tipline flows attach)`
  return seen === null ? 'off' : `off; it was in place at ${moment(seen)}`
}

function fileRows({ files, waiting }: FlowReport, now: number): string[][] {
  const { last, lastAside } = files
  return [
    ...(last === null
      ? []
      : [
          ['files', `${number(files.imported)} imported, ${number(waiting)} waiting`],
          [
            'last file',
            `${printable(last.path)}: ${number(last.flows)} flows, ${ago(last.at, now)}`,
          ],
        ]),
    ...(lastAside === null
      ? []
      : [['set aside', `${number(files.aside)}, last: ${printable(lastAside.reason)}`]]),
  ]
}

function pastRows(report: FlowReport): string[][] {
  const { coverage } = report
  if (coverage === null || coverage.indicators === 0) return []
  const { indicators, never, backTo } = coverage
  const all = count(indicators, 'indicator')
  const words =
    backTo === null
      ? `${all}: in no flow of the past (tipline backscan)`
      : `${all}: back to ${moment(backTo)}${never === 0 ? '' : `; ${number(never)} of them not yet`}`
  const [newest, ...more] = gapsOf(report)
  return [
    ['looked for', words],
    ...(newest === undefined
      ? []
      : [
          [
            'unmatched',
            `${moment(newest.from)} to ${moment(newest.to)}: ${newest.why}${more.length === 0 ? '' : `; and ${number(more.length)} more`}`,
          ],
        ]),
  ]
}

function countedWords({ why, indicators, flows }: CountedTotals): string {
  const what = why === 'flood' ? 'beyond max_hits' : 'of scanners that nobody answered'
  return `${count(flows, 'flow')} ${what}, of ${count(indicators, 'indicator')} (tipline hits --counted)`
}

function ago(at: number, now: number): string {
  return `${duration(Math.max(now - at, 0))} ago`
}
