/** Many values, nets and names, asked in both directions: is it in there, does it match one of them. */
import { isSingle, parseRange, type Range } from './address.js'
import { Intervals } from './intervals.js'
import { type Probe, plainName } from './subject.js'

export interface ScopeOptions {
  /** A name stands for everything below it too. */
  readonly below: boolean
  /** A net stands for the addresses inside; without, only single addresses are read as such. */
  readonly nets: boolean
}

/** Only such entries are names; what is above others is noise. */
const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/

export class Scope {
  readonly #below: boolean
  readonly #values = new Set<string>()
  /** From a name above an entry to that entry: a `domain` indicator there would match the entry. */
  readonly #above = new Map<string, string>()
  readonly #addresses: Intervals

  constructor(entries: readonly string[], options: ScopeOptions) {
    this.#below = options.below
    const addresses: { range: Range; text: string }[] = []
    for (const text of entries) {
      const range = parseRange(text)
      if (!range) {
        this.#addName(text)
        continue
      }
      this.#values.add(text)
      if (options.nets || isSingle(range)) addresses.push({ range, text })
    }
    this.#addresses = new Intervals(addresses)
  }

  /** The entry that is the indicator, or has all of it inside. */
  covering(probe: Probe): string | null {
    return (
      this.#exact(probe) ??
      this.#nameOver(probe) ??
      firstFound(probe.ranges, (range) => this.#addresses.containing(range))
    )
  }

  /** Covering, or the other way round: an entry that the indicator would match. */
  touching(probe: Probe): string | null {
    return (
      this.touchingValue(probe) ??
      this.#nameOver(probe) ??
      firstFound(probe.ranges, (range) => this.#addresses.overlapping(range))
    )
  }

  /** Touching, but looking at the value only, not at the host it is on. */
  touchingValue(probe: Probe): string | null {
    const { space, value } = probe.subject
    return this.#exact(probe) ?? (space === 'domain' ? (this.#above.get(value) ?? null) : null)
  }

  #exact({ subject: { value } }: Probe): string | null {
    return this.#values.has(value) ? value : null
  }

  #nameOver({ names }: Probe): string | null {
    const count = this.#below ? names.length : Math.min(1, names.length)
    for (let i = 0; i < count; i++) {
      const name = names[i] as string
      if (this.#values.has(name)) return name
    }
    return null
  }

  #addName(text: string): void {
    this.#values.add(text)
    const name = plainName(text)
    if (name !== '') this.#values.add(name)
    if (text.includes('://') && URL.canParse(text)) this.#values.add(new URL(text).href)
    if (NAME.test(name)) this.#addNamesAbove(name)
  }

  /** Top-level domains are left out: no rule serves one. */
  #addNamesAbove(name: string): void {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const above = name.slice(dot + 1)
      if (above.includes('.') && !this.#above.has(above)) this.#above.set(above, name)
    }
  }
}

function firstFound(
  ranges: readonly Range[],
  find: (range: Range) => string | null,
): string | null {
  for (const range of ranges) {
    const found = find(range)
    if (found !== null) return found
  }
  return null
}
