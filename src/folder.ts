/** Folders of ours. Node's own `recursive` never comes back where the system makes none, as under /proc. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes it with its parents, for its user alone, where it is missing. @throws what the system says */
export function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}
