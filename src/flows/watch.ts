/** Finished nfcapd files in folders and their sub-folders, oldest first. */
import { type Dirent, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../errors.js'

export interface Watched {
  readonly folder: string
  /** What stands in the column `flowsrc`. */
  readonly flowsrc: string
}

export interface Found {
  readonly file: string
  readonly flowsrc: string
  /** Changes when the file does. */
  readonly mark: string
}

/** While nfcapd writes to it, a file is called `nfcapd.current...`. */
const FINISHED = /^nfcapd\.\d{12,14}$/

/** @throws UsageError for a folder that can't be read */
export function findFiles({ folder, flowsrc }: Watched): Found[] {
  return entriesOf(folder)
    .filter((entry) => entry.isFile() && FINISHED.test(entry.name))
    .map((entry) => ({ name: entry.name, file: join(entry.parentPath, entry.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ file }) => {
      const facts = statSync(file, { throwIfNoEntry: false })
      // nfexpire takes files away as it likes.
      return facts ? [{ file, flowsrc, mark: `${file} ${facts.size} ${facts.mtimeMs}` }] : []
    })
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const hint = 'name the folder into which nfcapd writes (its option -w)'
    throw new UsageError({ what: `the folder ${folder} can not be read (${code})`, hint, cause })
  }
}
