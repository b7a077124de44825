/** The part of `tipline status` that tells of flows; it is asked of ClickHouse. */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import type { LoadedConfig } from '../config/load.js'
import { TiplineError } from '../errors.js'
import { watchedOf } from '../flows/folders.js'
import { type FlowStatus, readFlowStatus } from '../flows/status.js'
import { printable, silentLogger } from '../log.js'
import type { Problem } from '../sync/status.js'
import { iso } from '../time.js'
import type { Context } from './context.js'
import { count, duration, number, table } from './words.js'

/** null: the config has no ClickHouse. */
export interface FlowsToldOf {
  readonly status: FlowStatus | null
  readonly problems: readonly Problem[]
}

/** Who asks for the status does not want to wait for a server that says nothing. */
const PATIENCE = '10s'

export async function flowsToldOf(
  config: LoadedConfig,
  context: Context,
): Promise<FlowsToldOf | null> {
  const settings = config.sinks.clickhouse
  if (!settings) return null
  const { signal } = context
  try {
    const { dataDir } = config
    const patient = { ...settings, timeout: PATIENCE }
    const db = await openClickHouse(patient, { dataDir, log: silentLogger(), signal })
    try {
      const watch = config.flows.watch.map(({ folder, label }) => watchedOf(folder, label))
      const tables = tablesOf(settings)
      const status = await readFlowStatus({ db, tables, watch, now: context.now(), signal })
      return { status, problems: problemsOf(status, context.now()) }
    } finally {
      await db.close()
    }
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const { message: what, hint = 'tipline doctor tells more' } = error
    return { status: null, problems: [{ what, hint }] }
  }
}

/** nfcapd begins a new file every five minutes. */
const LATE_SECONDS = 3600

function problemsOf({ files, waiting, unreadable, live, newest }: FlowStatus, now: number) {
  const problems: Problem[] = unreadable.map((what) => ({
    what,
    hint: 'flows.watch in the config names the folders',
  }))
  if (!live && newest !== null) {
    const hint = 'tipline sync puts the view in place; tipline flows attach, if it was detached'
    problems.push({ what: 'flows are not matched as they come', hint })
  }
  const late = files.last === null || now - files.last.at > LATE_SECONDS
  if (waiting > 0 && late) {
    const what = `${count(waiting, 'nfcapd file')} wait, and none was imported in the last hour`
    problems.push({ what, hint: 'does tipline run, or tipline flows watch, still run?' })
  }
  return problems
}

export function flowsDocument({ status }: FlowsToldOf): object | null {
  if (status === null) return null
  const { engine, files, waiting, newest, live } = status
  return {
    engine,
    imported: files.imported,
    set_aside: files.aside,
    last_file: files.last && { ...files.last, at: iso(files.last.at) },
    last_set_aside: files.lastAside,
    waiting,
    newest_flow: iso(newest),
    live_matching: live,
  }
}

export function flowLines({ status }: FlowsToldOf, now: number): string[] {
  if (status === null) return []
  const { engine, files, waiting, newest, live } = status
  const { last, lastAside } = files
  const ago = (at: number) => `${duration(Math.max(now - at, 0))} ago`
  return [
    'flows:',
    ...table(
      [
        ['engine', `${engine.name}, version ${engine.version}`],
        ['matching', live ? 'as they come' : 'off'],
        ['newest flow', newest === null ? 'none' : ago(newest)],
        ...(last === null
          ? []
          : [
              ['files', `${number(files.imported)} imported, ${number(waiting)} waiting`],
              [
                'last file',
                `${printable(last.path)}: ${number(last.flows)} flows, ${ago(last.at)}`,
              ],
            ]),
        ...(lastAside === null
          ? []
          : [['set aside', `${number(files.aside)}, last: ${printable(lastAside.reason)}`]]),
      ],
      '  ',
    ),
  ]
}
