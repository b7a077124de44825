/** `tipline doctor --fix`: puts right what tables of others lack, after saying what it will do. */
import { createInterface } from 'node:readline/promises'
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { type Repair, repairsOf } from '../clickhouse/repairs.js'
import { EXIT, UsageError } from '../errors.js'
import { parseDuration } from '../policy/duration.js'
import { NO_CLICKHOUSE } from '../sinks/clickhouse/settings.js'
import type { Context } from './context.js'
import { openBase } from './wiring.js'

/** Asks first, unless it was told `--yes`. */
export async function fixCommand(context: Context, { yes }: { yes: boolean }): Promise<number> {
  const { config, log } = await openBase(context)
  const settings = config.sinks.clickhouse
  if (!settings) throw new UsageError(NO_CLICKHOUSE)
  const { signal, out } = context
  const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
  try {
    const keepHits = parseDuration(config.keep.hits)
    const repairs = await repairsOf(db, tablesOf(settings), { keepHits, signal })
    out.lines(linesOf(repairs))
    const done = repairs.length > 0 && (yes || (await agreed(context)))
    for (const statement of done ? repairs.flatMap(({ statements }) => statements) : []) {
      await db.command(statement, { signal })
    }
    out.answer({ done, repairs }, () => (done ? ['Done.'] : []))
    return done || repairs.length === 0 ? EXIT.done : EXIT.nothing
  } finally {
    await db.close()
  }
}

function linesOf(repairs: readonly Repair[]): string[] {
  if (repairs.length === 0) return ['There is nothing to fix.']
  return repairs.map(({ plan }) => `will ${plan}`)
}

async function agreed({ out }: Context): Promise<boolean> {
  if (out.json || process.stdin.isTTY !== true) {
    const hint = 'tipline doctor --fix --yes does it without asking'
    throw new UsageError({ what: 'nobody is there to agree', hint })
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await asking.question('Go ahead? [y/N] ')).trim())
  } finally {
    asking.close()
  }
}
