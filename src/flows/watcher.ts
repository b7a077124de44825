/**
 * Imports what nfcapd finishes in some folders, for as long as it runs. What was imported or set aside
 * stands in ClickHouse, so a new start does not look at it again.
 */
import type { ClickHouse } from '../clickhouse/client.js'
import type { Tables } from '../clickhouse/schema.js'
import { NfdumpError, TiplineError, UsageError } from '../errors.js'
import { type Logger, printable } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Outage } from '../outage.js'
import { sleep } from '../retry.js'
import { knownFiles } from './files.js'
import { type Found, findFiles, isReadable, keyOf, type Look, type Watched } from './folders.js'
import { type Imported, type Importing, importFile, openFlows, type Target } from './import.js'
import { findNfdump } from './nfdump.js'
import { importedWords, NO_WINDOW } from './words.js'

export interface WatcherOptions {
  readonly folders: readonly Watched[]
  readonly everyMs: number
  /** Called again after each outage. */
  readonly connect: (signal: AbortSignal) => Promise<ClickHouse>
  readonly tables: Tables
  readonly log: Logger
  readonly metrics: Metrics
  /** Where it is told that flows can not be imported. */
  readonly outage: Outage
  /** Told when work on a file begins, after each block, and (null) when a pass has ended. */
  readonly onProgress?: (progress: WatchProgress | null) => void
  readonly onFile?: (imported: Imported) => void
  /** Awaited after a pass in which there was something to import. */
  readonly afterPass?: () => Promise<void>
}

export interface WatchProgress {
  readonly file: string
  /** Of the file, so far. */
  readonly flows: number
  /** Files that wait, this one included. */
  readonly waiting: number
}

/** After an outage: doubled each time, up to a minute. */
const PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 60_000

export class FlowWatcher {
  readonly #options: WatcherOptions
  #parts: { readonly importing: Omit<Importing, 'progress'>; readonly target: Target } | undefined
  #seen = new Map<string, Look>()

  constructor(options: WatcherOptions) {
    this.#options = options
  }

  /** Until the signal, which it answers after the block that is under way; then all is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { outage, everyMs } = this.#options
    let pause = PAUSE_MS
    while (!signal.aborted) {
      try {
        await this.pass(signal)
        outage.over()
        pause = PAUSE_MS
        await wait(everyMs, signal)
      } catch (error) {
        if (signal.aborted) break
        // ClickHouse is away, or a folder is: both may come back.
        if (!(error instanceof TiplineError)) throw error
        outage.failed(error)
        if (error instanceof UsageError) {
          await wait(everyMs, signal)
          continue
        }
        if (!(error instanceof NfdumpError)) await this.close()
        await wait(pause, signal)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
    }
    outage.forget()
    await this.close()
  }

  /**
   * Looks at each folder once, and imports what is new. @throws UsageError where nfdump is missing;
   * ClickHouseError; the signal's reason. When the others are done: UsageError for a folder that can't be
   * read, NfdumpError
   */
  async pass(signal: AbortSignal): Promise<Imported[]> {
    const { folders, onProgress, afterPass } = this.#options
    const now = Math.floor(Date.now() / 1000)
    await this.#open(signal)
    const finding = folders.map((folder) => findFiles(folder, { seen: this.#seen, now }))
    const looks = await Promise.allSettled(finding)
    const finished = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))
    const faults: unknown[] = looks.flatMap((look) =>
      look.status === 'rejected' ? [look.reason] : [],
    )
    // What lies in a folder that is away may be there again with it.
    if (faults.length === 0) this.#forgetBut(finished.flatMap(({ keys }) => keys))
    const found = finished.flatMap((one) => one.found)
    this.#gauge(found.length)
    const done: Imported[] = []
    for (const [at, file] of found.entries()) {
      signal.throwIfAborted()
      const imported = await this.#import(file, found.length - at, signal).catch(laterOf(faults))
      if (imported) done.push(imported)
      this.#gauge(found.length - at - 1)
    }
    onProgress?.(null)
    if (done.length > 0) await afterPass?.()
    // A folder that is away holds up no other, nor does a file over which nfdump was ended.
    if (faults.length > 0) throw faults[0]
    return done
  }

  async close(): Promise<void> {
    const db = this.#parts?.importing.db
    this.#parts = undefined
    await db?.close()
  }

  async #open(signal: AbortSignal): Promise<void> {
    if (this.#parts) return
    const { connect, tables, folders, log } = this.#options
    const nfdump = await findNfdump()
    const db = await connect(signal)
    try {
      const importing = { db, tables, nfdump, signal }
      const target = await openFlows(importing)
      if (!target.deduplicates) log.warn(NO_WINDOW)
      const sources = [...new Set(folders.map(({ flowsrc }) => flowsrc))]
      const known = await knownFiles(importing, sources)
      this.#seen = new Map(known.map((file) => [keyOf(file.flowsrc, file.path), file]))
      this.#parts = { importing, target }
    } catch (error) {
      await db.close()
      throw error
    }
  }

  /** nfexpire takes away what is old; one that comes back is known to ClickHouse. */
  #forgetBut(there: readonly string[]): void {
    const kept = new Set(there)
    for (const key of this.#seen.keys()) if (!kept.has(key)) this.#seen.delete(key)
  }

  async #import(found: Found, waiting: number, signal: AbortSignal): Promise<Imported> {
    const { onProgress, onFile, log } = this.#options
    const { importing, target } = this.#parts!
    const { path: file, flowsrc } = found
    const progress = (flows: number) => onProgress?.({ file, flows, waiting })
    progress(0)
    const imported = await importFile({ ...importing, signal, progress }, target, { file, flowsrc })
    const isUnread = imported.outcome === 'aside' && !(await isReadable(file))
    this.#seen.set(keyOf(flowsrc, file), { ...found, isUnread })
    this.#count(flowsrc, imported)
    const level = imported.outcome === 'aside' ? 'warn' : 'info'
    log[level]({ file: printable(file), flowsrc }, importedWords(imported))
    onFile?.(imported)
    return imported
  }

  #gauge(waiting: number): void {
    this.#options.metrics.gauge('tipline_flow_files_waiting', {}, waiting)
  }

  #count(flowsrc: string, imported: Imported): void {
    const { metrics } = this.#options
    const { outcome } = imported
    metrics.count('tipline_flow_files_total', { flowsrc, outcome })
    if (outcome !== 'imported') return
    metrics.count('tipline_flows_imported_total', { flowsrc }, imported.flows)
  }
}

/** Takes note of a fault that is told when the others are done. @throws any other */
function laterOf(faults: unknown[]): (error: unknown) => null {
  return (error) => {
    if (!(error instanceof NfdumpError)) throw error
    faults.push(error)
    return null
  }
}

/** Ends early, and without an error, when the signal comes. */
async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, signal).catch(() => undefined)
}
