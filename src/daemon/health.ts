/** How the daemon is, in a sentence: for systemd's STATUS, and for whoever asks whether it is ready. */
import type { Readiness } from '../http/backend.js'
import { iso } from '../time.js'
import type { Household } from './household.js'

export class Health {
  readonly #household: Household
  /** What it is waiting for before it is ready; null: nothing. */
  waitsFor: string | null = 'it is starting'

  constructor(household: Household) {
    this.#household = household
  }

  /** What is down makes nobody unready: the rest is served, and a new start would not help. */
  readiness(): Readiness {
    if (this.waitsFor !== null) return { ready: false, why: this.waitsFor }
    const { sources, sinks } = this.#household
    const isNew = sources.some((s) => !s.hasTried) || sinks.some(({ last }) => last === null)
    return isNew ? { ready: false, why: 'the first pull is under way' } : { ready: true, why: '' }
  }

  status(): string {
    if (this.waitsFor !== null) return this.waitsFor
    const { sources, sinks } = this.#household
    const keepers = [...sources, ...sinks]
    const down = keepers.filter(({ outage }) => outage.since !== null)
    const pulling = sources.filter(({ isPulling }) => isPulling).map(({ name }) => name)
    return [
      `${keepers.length - down.length} of ${keepers.length} sources and sinks well`,
      ...down.map(({ name, outage }) => `${name} failing since ${iso(outage.since)}`),
      ...(pulling.length > 0 ? [`pulling ${pulling.join(', ')}`] : []),
    ].join('; ')
  }
}
