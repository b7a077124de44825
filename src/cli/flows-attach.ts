/** `tipline flows detach` and `attach`: takes matching out of the way of flows, and puts it back. */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { EXIT, UsageError } from '../errors.js'
import { attachLive, detachLive, type LiveOptions } from '../sinks/clickhouse/live.js'
import { NO_CLICKHOUSE } from '../sinks/clickhouse/settings.js'
import type { Context } from './context.js'
import { openBase } from './wiring.js'

/** No flow meets our views any more; what comes meanwhile is a gap, once they are attached again. */
export async function detachCommand(context: Context): Promise<number> {
  await withLive(context, detachLive)
  context.out.answer({ live_matching: false }, () => [
    'Flows are stored without being matched. tipline flows attach puts matching back, and tipline backscan finds what came meanwhile.',
  ])
  return EXIT.done
}

export async function attachCommand(context: Context): Promise<number> {
  await withLive(context, attachLive)
  context.out.answer({ live_matching: true }, () => [
    'Flows are matched as they come. tipline backscan finds what came meanwhile.',
  ])
  return EXIT.done
}

async function withLive(
  context: Context,
  work: (options: LiveOptions) => Promise<void>,
): Promise<void> {
  const { config, log } = await openBase(context)
  const settings = config.sinks.clickhouse
  if (!settings) throw new UsageError(NO_CLICKHOUSE)
  const { signal } = context
  const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
  try {
    const telling = {
      networks: config.networks,
      sampled: settings.sampled,
      maxHits: settings.max_hits,
    }
    await work({ db, tables: tablesOf(settings), log, telling, signal })
  } finally {
    await db.close()
  }
}
