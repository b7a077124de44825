/** From an attribute to what the ledger keeps of it: its meanings, each judged by the policy. */
import { kindOf, type Meaning } from '../indicators/indicator.js'
import { normalise } from '../indicators/normalise.js'
import { NORMALISER_VERSION } from '../indicators/types.js'
import type { StagedMeaning } from '../ledger/staging.js'
import type { Policy } from '../policy/policy.js'

export interface Derived {
  /** Why the value can't be an indicator of its type; null: it can. */
  readonly aside: string | null
  readonly meanings: readonly StagedMeaning[]
}

export interface Derivation {
  readonly type: string
  readonly value: string
  readonly timestamp: number
  readonly lastSeen: number | null
  readonly tags: readonly string[]
  readonly eventTags: readonly string[]
}

export class Deriver {
  #policy: Policy

  constructor(policy: Policy) {
    this.#policy = policy
  }

  /** From here on another policy judges. Only between two pulls: one is derived by one policy. */
  use(policy: Policy): void {
    this.#policy = policy
  }

  /** Changes when the same attribute may be derived otherwise. */
  get fingerprint(): string {
    return `${NORMALISER_VERSION}:${this.#policy.fingerprint}`
  }

  /** Pure: `now` is epoch seconds. */
  derive(attribute: Derivation, now: number): Derived {
    const normal = normalise(attribute.type, attribute.value)
    if (!normal.ok) return { aside: normal.reason, meanings: [] }
    const meanings = normal.meanings.map((meaning) => this.#judge(meaning, attribute, now))
    return { aside: null, meanings }
  }

  #judge(meaning: Meaning, attribute: Derivation, now: number): StagedMeaning {
    const { space, value, port, alias, weak } = meaning
    const verdict = this.#policy.judge(
      {
        space,
        value,
        port,
        weak,
        kind: kindOf(meaning),
        type: attribute.type,
        timestamp: attribute.timestamp,
        lastSeen: attribute.lastSeen,
        tags: attribute.tags,
        eventTags: attribute.eventTags,
      },
      now,
    )
    return {
      space,
      value,
      port,
      alias,
      weak,
      heldRule: verdict.held?.rule ?? null,
      heldWhy: verdict.held?.reason ?? null,
      labels: verdict.labels,
      recheckAt: verdict.until,
    }
  }
}
