/** Finished nfcapd files in folders and their sub-folders. */
import { constants, type Dirent } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UsageError } from '../errors.js'

export interface Watched {
  /** Absolute. */
  readonly folder: string
  /** What stands in the column `flowsrc`. */
  readonly flowsrc: string
}

/** A file as it was when it was last looked at. */
export interface Look {
  readonly size: number
  /** Epoch seconds. */
  readonly modified: number
  /** It could not be read then; who lets us read it changes neither of the two. */
  readonly isUnread?: boolean
}

export interface Found extends Look {
  /** Absolute. */
  readonly path: string
  readonly flowsrc: string
}

/** While nfcapd writes to it, a file is called `nfcapd.current...`. */
const FINISHED = /^nfcapd\.\d{12,14}$/
/** The name says when it was begun; later than this nobody appends to it. */
const SETTLED_SECONDS = 2 * 86_400

export function watchedOf(folder: string, label = ''): Watched {
  return { folder: resolve(folder), flowsrc: label }
}

/** The label that a watch would give the file: of the innermost folder around it, or none. */
export function labelAt(file: string, watched: readonly Watched[]): string {
  const path = resolve(file)
  const around = watched.filter(({ folder }) => path.startsWith(join(folder, '/')))
  return around.sort((a, b) => b.folder.length - a.folder.length)[0]?.flowsrc ?? ''
}

export interface Finished {
  /** Those that are not as they were when `seen` took them down, the oldest first. */
  readonly found: readonly Found[]
  /** The key of each that is there. */
  readonly keys: readonly string[]
}

/** @throws UsageError for a folder that can't be read */
export async function findFiles(
  { folder, flowsrc }: Watched,
  { seen, now }: { seen: ReadonlyMap<string, Look>; now: number },
): Promise<Finished> {
  const finished = (await entriesOf(folder))
    .filter((entry) => entry.isFile() && FINISHED.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const paths = finished.map((entry) => join(entry.parentPath, entry.name))
  const found: Found[] = []
  for (const path of paths) {
    const before = seen.get(keyOf(flowsrc, path))
    if (before?.isUnread && !(await isReadable(path))) continue
    const known = before?.isUnread ? undefined : before
    if (known && now - known.modified > SETTLED_SECONDS) continue
    const look = await lookAt(path)
    if (look === null || (known && isSame(known, look))) continue
    found.push({ path, flowsrc, ...look })
  }
  return { found, keys: paths.map((path) => keyOf(flowsrc, path)) }
}

/** Of what was seen. */
export function keyOf(flowsrc: string, path: string): string {
  return `${flowsrc}\n${path}`
}

function isSame(one: Look, other: Look): boolean {
  return one.size === other.size && one.modified === other.modified
}

/** By this user, now. */
export async function isReadable(path: string): Promise<boolean> {
  return await access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
}

/** null: it is gone; nfexpire takes files away as it likes. */
async function lookAt(path: string): Promise<Look | null> {
  try {
    const { size, mtimeMs } = await stat(path)
    return { size, modified: Math.floor(mtimeMs / 1000) }
  } catch {
    return null
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const hint = 'name the folder into which nfcapd writes (its option -w)'
    throw new UsageError({ what: `the folder ${folder} can not be read (${code})`, hint, cause })
  }
}
