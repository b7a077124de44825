/** What stands in the data folder besides the ledger, and both the daemon and commands have to find. */
import { join } from 'node:path'

/** The daemon's own way in: HTTP; who can open it may do all. */
export function daemonSocket(dataDir: string): string {
  return join(dataDir, 'daemon.sock')
}
