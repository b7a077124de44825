/**
 * Finds which of many texts occurs in a value. The first three characters choose a bucket, a bitmap
 * says quickly that there is none, and within a bucket each length is one look into a set: so the
 * cost does not grow with the number of texts.
 */

interface Bucket {
  readonly texts: Set<string>
  readonly lengths: Set<number>
}

export interface Occurrence {
  readonly text: string
  readonly start: number
  readonly end: number
}

const GRAM = 3
const SLOTS = 65_536

/** What of a value is looked at. */
export const LONGEST_VALUE = 4096

export class Substrings {
  readonly #short: string[] = []
  readonly #buckets = new Map<string, Bucket>()
  readonly #filter = new Uint8Array(SLOTS)

  /** Compares without regard to case; empty texts are in everything and must not come here. */
  constructor(texts: readonly string[]) {
    for (const text of new Set(texts.map((each) => each.toLowerCase()))) {
      if (text.length < GRAM) this.#short.push(text)
      else this.#addLong(text)
    }
  }

  /** The first occurrence that is accepted. */
  find(value: string, accept: (occurrence: Occurrence) => boolean): Occurrence | null {
    const seen = value.slice(0, LONGEST_VALUE).toLowerCase()
    return this.#findShort(seen, accept) ?? this.#findLong(seen, accept)
  }

  #addLong(text: string): void {
    const gram = text.slice(0, GRAM)
    const bucket = this.#buckets.get(gram) ?? { texts: new Set(), lengths: new Set() }
    bucket.texts.add(text)
    bucket.lengths.add(text.length)
    this.#buckets.set(gram, bucket)
    this.#filter[slotOf(text, 0)] = 1
  }

  #findShort(value: string, accept: (found: Occurrence) => boolean): Occurrence | null {
    for (const text of this.#short) {
      for (let at = value.indexOf(text); at >= 0; at = value.indexOf(text, at + 1)) {
        const found = { text, start: at, end: at + text.length }
        if (accept(found)) return found
      }
    }
    return null
  }

  #findLong(value: string, accept: (found: Occurrence) => boolean): Occurrence | null {
    if (this.#buckets.size === 0) return null
    for (let at = 0; at + GRAM <= value.length; at++) {
      if (this.#filter[slotOf(value, at)] === 0) continue
      const found = this.#findAt(value, at, accept)
      if (found) return found
    }
    return null
  }

  #findAt(value: string, at: number, accept: (found: Occurrence) => boolean): Occurrence | null {
    const bucket = this.#buckets.get(value.slice(at, at + GRAM))
    if (!bucket) return null
    for (const length of bucket.lengths) {
      const text = value.slice(at, at + length)
      if (!bucket.texts.has(text)) continue
      const found = { text, start: at, end: at + length }
      if (accept(found)) return found
    }
    return null
  }
}

function slotOf(text: string, at: number): number {
  const sum = (text.charCodeAt(at) * 31 + text.charCodeAt(at + 1)) * 31 + text.charCodeAt(at + 2)
  return sum % SLOTS
}
