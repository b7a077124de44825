/**
 * Some of what is live, spread over all of it. Ids of indicators are never used again: a feed that turns over
 * leaves long gaps between those that are live. Whoever looked for the next live one from a random id would
 * read such a gap each time, and nearly always come out at the same one behind it.
 */
import { lastIndicator } from './pages.js'
import type { Database, Statement } from './sqlite.js'

/** What is not live any more carries nothing, so the carriers name what is, and pass over the rest. */
const SERVED = 'FROM carrier WHERE held_rule IS NULL AND hold IS NULL AND indicator'
/** Draws for each one that is wanted. */
const MOST_DRAWS = 4

export class LiveIndicators {
  readonly #db: Database
  readonly #next: Statement
  readonly #before: Statement

  constructor(db: Database) {
    this.#db = db
    this.#next = db.prepare(`SELECT indicator ${SERVED} >= ? ORDER BY indicator LIMIT 1`)
    this.#before = db.prepare(`SELECT indicator ${SERVED} < ? ORDER BY indicator DESC LIMIT 1`)
  }

  /** Up to `count` ids, none twice. */
  sample(count: number): number[] {
    const last = lastIndicator(this.#db)
    const found = new Set<number>()
    const besides = new Set<number>()
    const spans = new Spans(last)
    for (let n = 0; n < MOST_DRAWS * count && found.size < count; n += 1) {
      const id = spans.draw()
      if (id === null) break
      const next = idOf(this.#next.get(id)) ?? last + 1
      if (next === id) found.add(id)
      else {
        if (next <= last) besides.add(next)
        spans.leaveOut((idOf(this.#before.get(id)) ?? 0) + 1, next - 1)
      }
    }
    return [...new Set([...found, ...besides])].slice(0, count)
  }
}

function idOf(row: unknown): number | undefined {
  return (row as { indicator: number } | undefined)?.indicator
}

/** The ids among which one may be live: each gap is met once. */
class Spans {
  #spans: { readonly from: number; readonly to: number }[]
  #size: number

  constructor(last: number) {
    this.#spans = [{ from: 1, to: last }]
    this.#size = last
  }

  /** null: none is left. */
  draw(): number | null {
    let rest = Math.floor(Math.random() * this.#size)
    for (const { from, to } of this.#spans) {
      if (rest <= to - from) return from + rest
      rest -= to - from + 1
    }
    return null
  }

  /** A gap as long as it is: it lies within one span. */
  leaveOut(from: number, to: number): void {
    const at = this.#spans.findIndex((span) => span.from <= from && to <= span.to)
    const span = this.#spans[at]
    if (!span) return
    const rest = [
      { from: span.from, to: from - 1 },
      { from: to + 1, to: span.to },
    ]
    this.#spans.splice(at, 1, ...rest.filter((part) => part.from <= part.to))
    this.#size -= to - from + 1
  }
}
