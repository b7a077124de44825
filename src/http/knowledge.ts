/** What the API tells from the ledger: on a connection of its own, in this thread. */
import { ClickHouseError } from '../errors.js'
import { openForReading } from '../ledger/database.js'
import type { Database } from '../ledger/sqlite.js'
import { type Beside, explainDocument, lookupDocument } from '../match/documents.js'
import { explain, type Knowledge } from '../match/explain.js'
import { type InFlows, inFlowsOf } from '../match/in-flows.js'
import { Lookups } from '../match/lookup.js'
import { readStatus, type Status } from '../sync/status.js'
import type { Backend } from './backend.js'
import { patiently } from './patience.js'

/** Answers that are kept, and how many characters each may have: some 40 MB at most. */
const MOST_KEPT = 10_000
const LARGEST_KEPT = 4096

/**
 * Lookups read here and there in the ledger, and what SQLite has read it forgets whenever somebody writes:
 * from the system's own cache they are three times as fast.
 */
const MAPPED_BYTES = 2 ** 30

export class Knowing {
  readonly #db: Database
  readonly #lookups: Lookups
  readonly #answers = new Map<string, string>()
  #version = -1
  readonly #backend: Backend
  readonly #now: () => number

  /** `now`: epoch seconds. @throws LedgerError where there is none */
  constructor(backend: Backend, now: () => number) {
    this.#db = openForReading(backend.dataDir)
    this.#db.exec(`PRAGMA mmap_size = ${MAPPED_BYTES}`)
    this.#lookups = new Lookups(this.#db)
    this.#backend = backend
    this.#now = now
  }

  close(): void {
    this.#lookups.close()
    this.#db.close()
  }

  /** The answer as JSON; the same values come again and again, so it is kept until the ledger changes. */
  lookup(value: string): string {
    const version = this.#lookups.follow()
    if (version !== this.#version) this.#answers.clear()
    this.#version = version
    const known = this.#answers.get(value)
    if (known !== undefined) return known
    const answer = JSON.stringify(this.found(value))
    if (answer.length > LARGEST_KEPT) return answer
    if (this.#answers.size >= MOST_KEPT) this.#answers.clear()
    this.#answers.set(value, answer)
    return answer
  }

  found(value: string) {
    this.#lookups.follow()
    return lookupDocument(this.#lookups.of(value))
  }

  async explain(value: string) {
    const { knowledge, beside } = this.#explanation(value)
    const { hits } = this.#backend
    const inFlows = await patiently((signal) => inFlowsOf(knowledge, hits, signal)).catch(untold)
    return explainDocument({ knowledge, beside: { ...beside, inFlows } })
  }

  /** The one indicator of this kind and normalised value; null: it is not, and never was, known. */
  indicator({ kind, value }: { kind: string; value: string }) {
    const { indicators } = explainDocument(this.#explanation(value))
    return indicators.find((each) => each.kind === kind && each.value === value) ?? null
  }

  status(): Status {
    const { dataDir, sources, sinks, tellings, configArgument, outages, hits } = this.#backend
    const failing = outages.current.map(({ part, since, error }) => {
      return { part, since, what: error.message, hint: error.hint ?? '' }
    })
    return readStatus(this.#db, {
      ...{ dataDir, sources, sinks, tellings, configArgument, now: this.#now() },
      hits: hits.db,
      daemon: { pid: process.pid, failing },
    })
  }

  #explanation(value: string): { knowledge: Knowledge; beside: Beside } {
    const knowledge = explain(this.#db, value)
    const { hits, sinks, verdicts } = this.#backend
    const links = new Map(Object.entries(hits.links))
    return {
      knowledge,
      beside: { links, sinks, checks: [], verdicts: verdicts(knowledge), inFlows: null },
    }
  }
}

/** It did not answer in time. */
function untold(error: unknown): InFlows {
  if (!(error instanceof ClickHouseError)) throw error
  return { unavailable: error.message, looked: [], counted: [] }
}
