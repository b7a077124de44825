/** Folders of ours. Node's own `recursive` never comes back where the system makes none, as under /proc. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** For its user alone. */
const PRIVATE = 0o700

/** As far as the umask lets: for a folder that other programs are to read. */
export const SHARED = 0o777

/** Makes it with its parents where it is missing. @throws what the system says */
export function makeFolder(path: string, mode = PRIVATE): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent, mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}
