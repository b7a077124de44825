/** Fetching the warninglists that the policy asks for: shipped, from a folder, from the MISPs. */
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, SourceError, UsageError } from '../errors.js'
import { makeFolder } from '../folder.js'
import type { Logger } from '../log.js'
import type { MispSourceSettings } from '../misp/settings.js'
import type { PolicySettings } from '../policy/settings.js'
import { parseWarninglist, type WarningList } from '../policy/warninglist.js'
import { openClient, type SourceDeps, type SourceSettings } from './open-source.js'

export interface ListOptions {
  readonly policy: PolicySettings
  readonly sources: readonly SourceSettings[]
  readonly dataDir: string
  readonly deps: SourceDeps
  /** Epoch seconds. */
  readonly now: number
  /** Asks no MISP: what was fetched the last time counts, however old. */
  readonly offline?: boolean
  readonly signal: AbortSignal
}

/** In the package, beside dist/ and src/. */
const SHIPPED = fileURLToPath(new URL('../../lists/', import.meta.url))
const CACHE_SECONDS = 24 * 3600

/** @throws ConfigError, UsageError for a list or folder that can't be read; SourceError: a MISP gives none */
export async function loadLists(options: ListOptions): Promise<WarningList[]> {
  const { policy } = options
  const lists = [
    ...(policy.shipped_lists ? fromFolder(shippedFolder()) : []),
    ...(policy.lists_folder ? fromFolder(policy.lists_folder) : []),
    ...(policy.misp_lists ? await fromMisps(options) : []),
  ]
  for (const list of lists) warn(list, options.deps.log)
  return lists.filter((list) => list.enabled)
}

/** Compiled for tests, the sources stand one folder deeper than in the package. */
function shippedFolder(): string {
  return isFolder(SHIPPED) ? SHIPPED : fileURLToPath(new URL('../../../lists/', import.meta.url))
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function fromFolder(folder: string): WarningList[] {
  return filesOf(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => parseWarninglist(readJson(join(folder, file)), file))
}

function filesOf(folder: string): string[] {
  const hint = 'check policy.lists_folder in the config'
  try {
    if (isFolder(folder)) return readdirSync(folder)
  } catch (cause) {
    const { message } = cause as Error
    throw new UsageError({ what: `the folder of lists can't be read: ${message}`, hint, cause })
  }
  throw new UsageError({ what: `the folder of lists ${folder} is not there`, hint })
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new ConfigError({
      what: `the list ${path} can't be read`,
      file: path,
      problems: [{ message: 'expected JSON in the warninglist format of MISP' }],
      hint: 'mend the file or take it out of the folder',
      cause,
    })
  }
}

/** Asked once a day: lists change seldom, and a MISP has a hundred of them. */
async function fromMisps(options: ListOptions): Promise<WarningList[]> {
  const lists: WarningList[] = []
  for (const source of options.sources) {
    if (source.type === 'feed') continue
    const raw = await cached(source, options)
    lists.push(...raw.flatMap((json, n) => parseForeign(json, { source, n, options })))
  }
  return lists
}

/** One odd list of a MISP must not stop everything, as one of the user's own does. */
function parseForeign(
  json: unknown,
  { source, n, options }: { source: MispSourceSettings; n: number; options: ListOptions },
): WarningList[] {
  try {
    return [parseWarninglist(json, `${source.name}, list ${n + 1}`)]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    options.deps.log.warn({ source: source.name }, `${error.message}; it is left out`)
    return []
  }
}

async function cached(source: MispSourceSettings, options: ListOptions): Promise<unknown[]> {
  const path = join(options.dataDir, 'lists', `${source.name}.json`)
  const kept = readKept(path)
  if (options.offline) return kept?.lists ?? []
  // The clock may have been put back since: a copy of tomorrow's would be fresh for ever.
  if (kept && Math.abs(options.now - kept.at) < CACHE_SECONDS) return kept.lists
  try {
    return await fetchLists(source, { path, options })
  } catch (error) {
    if (!kept || !(error instanceof SourceError)) throw error
    // Yesterday's lists are better than none: without them, what they hold would be served.
    options.deps.log.warn({ source: source.name }, `${error.message}; yesterday's lists are used`)
    return kept.lists
  }
}

/** null: nothing is kept, or nothing that can be read; it is only a copy. */
function readKept(path: string): { readonly lists: unknown[]; readonly at: number } | null {
  try {
    const lists: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(lists) ? { lists, at: statSync(path).mtimeMs / 1000 } : null
  } catch {
    return null
  }
}

async function fetchLists(
  source: MispSourceSettings,
  { path, options }: { path: string; options: ListOptions },
): Promise<unknown[]> {
  const { client, dispatcher } = openClient(source, options.deps)
  try {
    const lists = await client.warninglists(options.signal)
    makeFolder(join(options.dataDir, 'lists'))
    writeFileSync(`${path}.new`, JSON.stringify(lists))
    renameSync(`${path}.new`, path)
    return lists
  } finally {
    await dispatcher.close()
  }
}

function warn(list: WarningList, log: Logger): void {
  for (const warning of list.warnings) log.warn({ list: list.name }, warning)
}
