/** What is to be done now and then, whatever the sources and sinks do. */
import { forgetOldHits } from '../hits/erase.js'
import { limitSeconds } from '../policy/duration.js'
import { Bell } from './bell.js'
import type { PolicyKeeper } from './policy-keeper.js'
import { type Work, withOwnSignal } from './rota.js'
import { Steadiness } from './steadiness.js'
import { epoch, type Works } from './works.js'

const HOLDS_MS = 2000
const DUE_MS = 60_000
const PRUNE_MS = 15 * 60_000
const LISTS_MS = 3600_000

export interface UpkeepOptions {
  readonly works: Works
  readonly policy: PolicyKeeper
  readonly sinks: () => readonly string[]
  /** As in the config: `400d`, or `never`. */
  readonly keep: () => { readonly history: string; readonly hits: string }
  readonly dataDir: string
  /** Rung when `keep` may say something else. */
  readonly reloaded: Bell
  /** Called when the ledger may hold something new. */
  readonly onApplied: () => void
}

export function upkeep(options: UpkeepOptions): Readonly<Record<string, Work>> {
  const { works, policy, reloaded, onApplied } = options
  const clock = new Steadiness(works.clocks, works.log)
  const bySteadyClock = (ms: number, work: (signal: AbortSignal) => Promise<void>, bell?: Bell) =>
    regularly(ms, async (signal) => void (clock.isSteady() && (await work(signal))), bell)
  return {
    holds: bySteadyClock(HOLDS_MS, () => expireHolds(options)),
    'judging by the clock': bySteadyClock(DUE_MS, async (signal) => {
      if ((await policy.judgeDue(signal)) > 0) onApplied()
    }),
    pruning: bySteadyClock(PRUNE_MS, () => prune(options), reloaded),
    lists: regularly(LISTS_MS, async (signal) => {
      await policy.refresh(signal)
      onApplied()
    }),
  }
}

async function expireHolds({ works, onApplied }: UpkeepOptions): Promise<void> {
  const ended = await works.ledger.writer.expireHolds(epoch(works))
  if (ended.length === 0) return
  works.log.info({ holds: ended }, 'the time of holds by hand ran out')
  onApplied()
}

async function prune({ works, sinks, keep, dataDir }: UpkeepOptions): Promise<void> {
  const { writer } = works.ledger
  const { history, hits } = keep()
  const historyBefore = epoch(works) - limitSeconds(history)
  await writer.prune({ sinks: sinks(), historyBefore })
  await writer.checkpoint()
  await forgetOldHits({
    dataDir,
    keepSeconds: limitSeconds(hits),
    now: epoch(works),
    log: works.log,
  })
}

/** The first time after one interval, or when the bell rings. */
function regularly(
  ms: number,
  work: (signal: AbortSignal) => Promise<void>,
  bell = new Bell(),
): Work {
  return async (signal) => {
    for (;;) {
      await bell.wait(ms, signal)
      if (signal.aborted) return
      try {
        await withOwnSignal(signal, work)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
  }
}
