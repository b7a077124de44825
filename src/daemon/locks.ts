/** One process at a time, as long as it lives. */
import type { Later } from '../closing.js'
import { LedgerBusy } from '../errors.js'
import { acquireLock } from '../ledger/lock.js'
import type { Logger } from '../log.js'

export interface LocksOptions {
  readonly dataDir: string
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * A second daemon is refused at once; a sync or hold that is under way is waited for.
 * @throws LedgerBusy naming the other daemon; the signal's reason
 */
export async function takeLocks(options: LocksOptions, later: Later): Promise<void> {
  const { dataDir } = options
  const daemon = await acquireLock({ dataDir, name: 'daemon', waitMs: 0 })
  later(() => daemon.release())
  for (const name of ['sync', 'ship'] as const) {
    const lock = await patiently(name, options)
    later(() => lock.release())
  }
}

async function patiently(name: 'sync' | 'ship', { dataDir, log, signal }: LocksOptions) {
  try {
    return await acquireLock({ dataDir, name, waitMs: 0 })
  } catch (error) {
    if (!(error instanceof LedgerBusy)) throw error
    log.info({ pid: error.pid }, `${error.message}; waiting for it to end`)
    return await acquireLock({ dataDir, name, waitMs: Number.POSITIVE_INFINITY, signal })
  }
}
