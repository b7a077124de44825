/**
 * One backscan at a time in a data folder. Two that came upon the same flow at once would each store its
 * hit, and a table of hits that another tool made keeps both.
 */
import { acquireLock, type LockOptions } from '../../ledger/lock.js'

/** @throws LedgerBusy, once the wait for another one is over; what the work throws; the signal's reason */
export async function alone<T>(
  options: Omit<LockOptions, 'name'>,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock({ ...options, name: 'backscan' })
  try {
    return await work()
  } finally {
    lock.release()
  }
}
