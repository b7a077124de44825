/** `tipline restore`: puts a copy of the ledger in place. */
import { resolve } from 'node:path'
import { EXIT } from '../errors.js'
import { restoreLedger } from '../ledger/backup.js'
import { acquireLock } from '../ledger/lock.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { dataFolderToFill } from './data-folder.js'

export interface RestoreOptions {
  readonly from: string
  readonly force?: boolean
}

/** @throws LedgerBusy while another process pulls or ships */
export async function restoreCommand(context: Context, options: RestoreOptions): Promise<number> {
  const dataDir = await dataFolderToFill(context)
  const from = resolve(options.from)
  const sync = await acquireLock({ dataDir, name: 'sync', waitMs: 0 })
  try {
    const ship = await acquireLock({ dataDir, name: 'ship', waitMs: 0 })
    try {
      const { kept } = restoreLedger({ dataDir, from, force: options.force === true })
      context.out.answer({ restored: from, data_dir: dataDir, kept }, () => [
        `restored ${printable(from)} in ${printable(dataDir)}`,
        ...(kept === null ? [] : [`  the ledger that was there: ${printable(kept)}`]),
        `  next: tipline sync${context.configArgument} rebuilds the sinks`,
      ])
      return EXIT.done
    } finally {
      ship.release()
    }
  } finally {
    sync.release()
  }
}
