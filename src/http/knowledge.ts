/** What the API tells from the ledger: on a connection of its own, in this thread. */
import { openForReading } from '../ledger/database.js'
import type { Database } from '../ledger/sqlite.js'
import { type Explanation, explainDocument, lookupDocument } from '../match/documents.js'
import { explain } from '../match/explain.js'
import { liveNetLengths, lookup, type NetLengths } from '../match/lookup.js'
import { readStatus, type Status } from '../sync/status.js'
import type { Backend } from './backend.js'

export class Knowing {
  readonly #db: Database
  readonly #backend: Backend
  readonly #now: () => number

  /** `now`: epoch seconds. @throws LedgerError where there is none */
  constructor(backend: Backend, now: () => number) {
    this.#db = openForReading(backend.dataDir)
    this.#backend = backend
    this.#now = now
  }

  close(): void {
    this.#db.close()
  }

  lookup(value: string) {
    return lookupDocument(lookup(this.#db, value, this.#lengths()))
  }

  explain(value: string) {
    return explainDocument(this.#explanation(value))
  }

  /** The one indicator of this kind and normalised value; null: it is not, and never was, known. */
  indicator({ kind, value }: { kind: string; value: string }) {
    const { indicators } = explainDocument(this.#explanation(value))
    return indicators.find((each) => each.kind === kind && each.value === value) ?? null
  }

  status(): Status {
    const { dataDir, sources, sinks, configArgument } = this.#backend
    return readStatus(this.#db, { dataDir, sources, sinks, configArgument, now: this.#now() })
  }

  #lengths(): NetLengths {
    return liveNetLengths(this.#db)
  }

  #explanation(value: string): Explanation {
    const knowledge = explain(this.#db, value)
    const { hits, sinks, verdicts } = this.#backend
    const links = new Map(Object.entries(hits.links))
    return { knowledge, beside: { links, sinks, checks: [], verdicts: verdicts(knowledge) } }
  }
}
