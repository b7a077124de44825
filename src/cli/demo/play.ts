/** The demo's own steps: a feed, two syncs, and questions to the ledger in between. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hit } from '../../hits/hit.js'
import { totals } from '../../ledger/knowledge.js'
import { acquireLock } from '../../ledger/lock.js'
import { explain, type Knowledge } from '../../match/explain.js'
import type { Cycle } from '../../sync/sync-document.js'
import { backscanAfterSync } from '../backscan.js'
import type { Context } from '../context.js'
import { readingLedger } from '../data-folder.js'
import { Progress } from '../progress.js'
import { runCycle } from '../sync.js'
import { openBase, withSyncing } from '../wiring.js'
import { type Answered, answerLines } from './answer.js'
import { DEMO_EVENTS, LEARNED, LOG_LINES, REVOKED } from './events.js'
import { writeFeed } from './feed.js'
import {
  type Brought,
  bringFlows,
  CLICKHOUSE,
  closeEngine,
  flowHits,
  whyNoEngine,
} from './flows.js'

/** What the demo saw, step by step. */
export interface Demo {
  readonly events: number
  readonly attributes: number
  readonly first: Cycle
  readonly looked: readonly Knowledge[]
  readonly answered: readonly Answered[]
  readonly flows: FlowsPlayed
  readonly second: Cycle
  readonly answeredAgain: readonly Answered[]
  readonly explained: Knowledge
  readonly seconds: number
  /** Where it is kept; null: it is gone. */
  readonly kept: string | null
}

/** Flows, or why there are none: no ClickHouse runs on this machine. */
export type FlowsPlayed =
  | { readonly why: string }
  | {
      readonly why: null
      readonly brought: Brought
      readonly live: readonly Hit[]
      /** Of what was learned later. */
      readonly past: readonly Hit[]
    }

/** The first words of the demo's config. */
export const MARK = '# Made by `tipline demo`.'
const CONFIG = `${MARK} A feed in a folder.
sources:
  - name: demo
    type: feed
    path: ./feed
`

export async function play(
  outer: Context,
  { folder, kept }: { folder: string; kept: string | null },
): Promise<Demo> {
  const started = performance.now()
  const config = join(folder, 'tipline.yml')
  const feed = join(folder, 'feed')
  const dataDir = join(folder, 'tipline-data')
  // What a demo has to say stands in its summary.
  const context = outer.asked({ config, logLevel: outer.options.logLevel ?? 'error' })
  const why = await whyNoEngine(dataDir, context)
  try {
    writeFileSync(config, why === null ? `${CONFIG}${CLICKHOUSE}` : CONFIG)
    writeFeed(feed, { events: DEMO_EVENTS, now: context.now() })
    const first = await cycle(context)
    const before = await readingLedger(context, (db) => ({
      sums: totals(db).sources[0],
      looked: LOOKED_UP.map((value) => explain(db, value)),
      answered: answerLines(dataDir, LOG_LINES),
    }))
    const brought = why === null ? await bringFlows(dataDir, context) : null
    const live = brought ? await flowHits(context) : []
    const events = [...DEMO_EVENTS.map(withoutRevoked), LEARNED]
    writeFeed(feed, { events, now: context.now() })
    const second = await cycle(context)
    await backscanAfterSync(await openBase(context), context)
    const hits = brought ? await flowHits(context) : []
    const past = hits.filter(({ way }) => way === 'backscan')
    const after = await readingLedger(context, (db) => ({
      answered: answerLines(dataDir, LOG_LINES),
      explained: explain(db, REVOKED.value),
    }))
    return {
      events: before.sums?.events ?? 0,
      attributes: attributesOf(first),
      first,
      looked: before.looked,
      answered: before.answered,
      flows: why === null ? { why, brought: brought!, live, past } : { why },
      second,
      answeredAgain: after.answered,
      explained: after.explained,
      seconds: (performance.now() - started) / 1000,
      kept,
    }
  } finally {
    await closeEngine(dataDir)
  }
}

function attributesOf({ report }: Cycle): number {
  return report.sources.reduce((sum, source) => sum + (source.ok ? source.attributes : 0), 0)
}

/** One that is live, one held, one in a net, one nobody knows. */
const LOOKED_UP = [REVOKED.value, '10.0.0.1', '203.0.113.150', 'www.example.org'] as const

function withoutRevoked(event: (typeof DEMO_EVENTS)[number]) {
  if (event.number !== REVOKED.event) return event
  const attributes = event.attributes.filter(([, value]) => value !== REVOKED.value)
  // Its timestamp moves, as it does in MISP: that is how a change is seen.
  return { ...event, attributes, daysAgo: 0 }
}

async function cycle(context: Context): Promise<Cycle> {
  const base = await openBase(context)
  const lock = await acquireLock({ dataDir: base.config.dataDir, name: 'sync', waitMs: 0 })
  try {
    const progress = await Progress.open({ shown: false })
    return await withSyncing(context, base, (parts) =>
      runCycle(context, { parts, progress, accept: [] }),
    )
  } finally {
    lock.release()
  }
}
