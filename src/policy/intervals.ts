/**
 * Many nets, asked by binary search. CIDR ranges nest or are disjoint; the nested ones are dropped,
 * so that at most one interval can hold an address, and overlap in either direction is one test.
 */
import type { Range, Words } from './address.js'

interface Entry {
  readonly range: Range
  readonly text: string
}

export class Intervals {
  readonly #tables: { readonly 4: Table; readonly 6: Table }

  constructor(entries: readonly Entry[]) {
    this.#tables = { 4: new Table(1, of(4, entries)), 6: new Table(4, of(6, entries)) }
  }

  /** The widest entry that shares an address with the range: around it, the same, or inside it. */
  overlapping(range: Range): string | null {
    return this.#tables[range.family].reaching({ start: range.to, end: range.from })
  }

  /** The widest entry that has the whole range inside. */
  containing(range: Range): string | null {
    return this.#tables[range.family].reaching({ start: range.from, end: range.to })
  }
}

class Table {
  readonly #stride: 1 | 4
  readonly #from: Uint32Array
  readonly #to: Uint32Array
  readonly #texts: readonly string[]

  constructor(stride: 1 | 4, entries: readonly Entry[]) {
    const outer = withoutNested(entries)
    this.#stride = stride
    this.#from = new Uint32Array(outer.length * stride)
    this.#to = new Uint32Array(outer.length * stride)
    outer.forEach(({ range }, i) => {
      this.#from.set(range.from, i * stride)
      this.#to.set(range.to, i * stride)
    })
    this.#texts = outer.map(({ text }) => text)
  }

  /** The last entry that begins at or before `start`, if it goes on to `end`. */
  reaching({ start, end }: { start: Words; end: Words }): string | null {
    const index = this.#lastFrom(start)
    if (index < 0 || compare(this.#to, index * this.#stride, end) < 0) return null
    return this.#texts[index] ?? null
  }

  #lastFrom(start: Words): number {
    let low = 0
    let high = this.#texts.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (compare(this.#from, middle * this.#stride, start) <= 0) low = middle + 1
      else high = middle - 1
    }
    return high
  }
}

function compare(table: Uint32Array, at: number, words: Words): number {
  for (let i = 0; i < words.length; i++) {
    const difference = (table[at + i] ?? 0) - (words[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function of(family: 4 | 6, entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ range }) => range.family === family)
}

function withoutNested(entries: readonly Entry[]): readonly Entry[] {
  const sorted = [...entries].sort(
    (a, b) => compareWords(a.range.from, b.range.from) || a.range.prefix - b.range.prefix,
  )
  const outer: Entry[] = []
  for (const entry of sorted) {
    const last = outer.at(-1)
    if (!last || compareWords(entry.range.from, last.range.to) > 0) outer.push(entry)
  }
  return outer
}

function compareWords(a: Words, b: Words): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
