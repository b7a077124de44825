/** The report of flows, for whoever asks how things are: asked of ClickHouse at most every few seconds. */
import { ClickHouseError } from '../errors.js'
import { type FlowsToldOf, flowsToldOf } from '../match/flow-report.js'
import type { Backend } from './backend.js'
import { patiently } from './patience.js'

const FRESH_MS = 10_000

export class FlowReports {
  readonly #backend: Backend
  readonly #now: () => number
  #asked = Number.NEGATIVE_INFINITY
  #told: Promise<FlowsToldOf | null> = Promise.resolve(null)

  /** `now`: epoch milliseconds. */
  constructor(backend: Backend, now: () => number) {
    this.#backend = backend
    this.#now = now
  }

  /** null: the config has no ClickHouse. */
  told(): Promise<FlowsToldOf | null> {
    const at = performance.now()
    if (at - this.#asked >= FRESH_MS) {
      this.#asked = at
      this.#told = this.#ask()
    }
    return this.#told
  }

  async #ask(): Promise<FlowsToldOf | null> {
    const { hits, watch } = this.#backend
    const { flows } = hits
    if (flows === null) return null
    const asked = { tables: flows.tables, watch, now: Math.floor(this.#now() / 1000) }
    try {
      return await patiently((signal) =>
        flowsToldOf({ ...asked, open: () => flows.open(), signal }),
      )
    } catch (error) {
      if (!(error instanceof ClickHouseError)) throw error
      const { message: what, hint = '' } = error
      return { report: null, problems: [{ what, hint }] }
    }
  }
}
