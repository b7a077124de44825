/**
 * The exact way from a parsed line to its hits. What is served is read from the ledger at the moment
 * that it is met, so that a hit always tells the present state; `mayMeet` and `mayKnow` spare most of the
 * asking.
 */
import { indicatorOf, type Space } from '../../indicators/indicator.js'
import type { State, StateCarrier } from '../../ledger/state.js'
import type { FieldMap } from './field-map.js'
import type { Hit } from './hit.js'
import { type Observable, Observer } from './observe.js'
import { type Key, keysOf, type NetLengths } from './reading.js'

export interface Known {
  readonly lengths: NetLengths
  /** False: surely no live indicator stands under this key. */
  mayKnow(space: Space, value: string): boolean
  /** False: surely none is met by a field of that name with that text. Asks for all its keys at once. */
  mayMeet(field: string, text: string): boolean
  /** The served state of a key. */
  state(space: Space, value: string): State
}

export class Examiner {
  readonly #observer: Observer
  readonly #known: Known
  readonly #mayMeet: (field: string, text: string) => boolean

  constructor(fields: FieldMap, known: Known) {
    this.#observer = new Observer(fields)
    this.#known = known
    this.#mayMeet = (field, text) => known.mayMeet(field, text)
  }

  /** Each indicator once for each field and observable; the order is that of the field map. */
  hits(document: object): Hit[] {
    const seen = new Set<string>()
    return this.#observer
      .observe(document, this.#mayMeet)
      .flatMap((observable) => this.#meet(observable))
      .filter(({ field, observable, indicator }) => {
        const id = JSON.stringify([field, observable, indicator.kind, indicator.value])
        return seen.has(id) ? false : seen.add(id)
      })
  }

  #meet(observable: Observable): Hit[] {
    return keysOf(observable, this.#known.lengths)
      .filter(({ space, value }) => this.#known.mayKnow(space, value))
      .flatMap((key) => this.#hitsUnder(key, observable))
  }

  /** One for each port under the key, as each is an indicator of its own. */
  #hitsUnder(key: Key, { field, text }: Observable): Hit[] {
    const { space, value, via } = key
    const carriers = this.#known.state(space, value).carriers.filter((each) => counts(each, key))
    const ports = [...new Set(carriers.map(({ port }) => port))]
    return ports.map((port) => ({
      field,
      observable: text,
      indicator: indicatorOf({ space, value, port }),
      via,
      carriers: carriers.filter((each) => each.port === port),
    }))
  }
}

function counts({ type, port }: StateCarrier, { types, ports }: Key): boolean {
  if (types !== null && !types.has(type)) return false
  return port === 0 || ports.length === 0 || ports.includes(port)
}
