/**
 * Reads all pages of restSearch. A page that MISP can't manage is asked for again, smaller; the size
 * grows back slowly. Offsets are MISP's `(page - 1) * limit`, so a page of a new size begins at or a
 * little before the place that was reached: rows come twice rather than never.
 */
import { SourceError } from '../errors.js'
import { retryStream } from '../retry.js'
import { type Answer, ask, headerText } from './exchange.js'
import { called } from './faults.js'
import { asksForNothing, wireQuery } from './query.js'
import { type AttributeRow, isRefusal, parseAttribute, type Refusal } from './rows.js'
import type { Slots } from './slots.js'
import { ElementSplitter } from './splitter.js'
import type { Wire } from './wire.js'

export interface AttributeOptions {
  /** Without an order of their own pages may overlap and leave gaps. null: none, or the query's. */
  readonly order?: readonly string[] | null
  /** Takes no more rows than these. */
  readonly maxRows?: number
  /** Hears of each row that could not be read; may hear twice of one. */
  readonly onRefused?: (refusal: Refusal) => void
}

export interface Reading {
  readonly wire: Wire
  readonly size: PageSize
  readonly slots: Slots
  readonly query: Readonly<Record<string, unknown>>
  readonly pages: AttributeOptions
  readonly signal: AbortSignal
}

const ORDER = ['Attribute.event_id asc', 'Attribute.id asc']
const FLOOR = 100
const GOOD_PAGES_TO_GROW = 8
/** A server that claims to skip everything for ever is not believed for ever. */
const MAX_EMPTY_PAGES = 1000

export async function* readAttributes(
  reading: Reading,
): AsyncGenerator<AttributeRow[], void, undefined> {
  if (asksForNothing(reading.query)) return
  const { wire, size, signal } = reading
  const policy = wire.retries(signal)
  const place = new Place(reading.pages.maxRows ?? Number.POSITIVE_INFINITY)
  for (;;) {
    let page = newPage(place, size)
    const open = () =>
      inSlot(reading.slots, () => {
        page = newPage(place, size)
        return readPage(reading, page)
      })
    const onRetry: typeof policy.onRetry = (event) => {
      if (isTooMuch(event.error)) size.shrink(page.limit)
      policy.onRetry?.(event)
    }
    yield* retryStream(open, { ...policy, onRetry })
    if (isLast(reading, page)) return
    if (!place.advance(page, wire)) return
    size.succeed()
  }
}

async function* inSlot<T>(slots: Slots, read: () => AsyncIterable<T>): AsyncGenerator<T> {
  const giveBack = await slots.take()
  try {
    yield* read()
  } finally {
    giveBack()
  }
}

/** How many rows a page may have; learned from MISP's failures, and kept by the client. */
export class PageSize {
  readonly #wanted: number
  #current: number
  #good = 0
  #shrunk = 0

  constructor(wanted: number) {
    this.#wanted = Math.max(1, Math.floor(wanted))
    this.#current = this.#wanted
  }

  get current(): number {
    return this.#current
  }

  /** MISP could not manage a page, and has not managed enough of them since. */
  get isShrunk(): boolean {
    return this.#current < this.#wanted
  }

  /** A page of `failed` rows was too much: half at first, then a quarter, to be there before the tries end. */
  shrink(failed: number): void {
    const factor = this.#shrunk === 0 ? 2 : 4
    const floor = Math.min(FLOOR, this.#wanted)
    this.#current = Math.max(floor, Math.floor(Math.min(failed, this.#current) / factor))
    this.#shrunk++
    this.#good = 0
  }

  succeed(): void {
    if (this.#current === this.#wanted) return
    this.#good++
    if (this.#good < GOOD_PAGES_TO_GROW) return
    this.#good = 0
    this.#shrunk = 0
    this.#current = Math.min(this.#wanted, this.#current * 2)
  }
}

interface Page {
  /** As MISP counts: from 1. */
  readonly number: number
  readonly limit: number
  readonly start: number
  /** Rows of this page that are still wanted. */
  readonly room: number
  rows: number
  skipped: number
  first: string
  last: string
}

/** How far the reading has come. */
class Place {
  readonly #maxRows: number
  #offset = 0
  #empty = 0
  #before: Page | undefined

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  get offset(): number {
    return this.#offset
  }

  get maxRows(): number {
    return this.#maxRows
  }

  /**
   * False when there is no next page, because MISP takes no notice of limit and page and has sent
   * everything each time. @throws SourceError when it sends but one page of it each time
   */
  advance(page: Page, { target }: Wire): boolean {
    const before = this.#before
    const isAgain = page.first !== '' && page.first === before?.first && page.start !== before.start
    if (isAgain && page.rows > page.limit) {
      const facts = { source: target.name, asked: page.limit, got: page.rows }
      target.log.warn(facts, `${called(target)} ignores the limit and sends everything`)
      return false
    }
    this.#empty = page.rows === 0 ? this.#empty + 1 : 0
    if ((isAgain && page.last === before.last) || this.#empty > MAX_EMPTY_PAGES) {
      throw new SourceError({
        source: target.name,
        fault: 'not-misp',
        what: `${called(target)} sends the same page again and again`,
        hint: 'A cache in between may ignore the body of requests; ask MISP itself.',
      })
    }
    this.#before = page
    this.#offset = page.start + page.limit
    return true
  }
}

function newPage({ offset, maxRows }: Place, size: PageSize): Page {
  const limit = Math.min(size.current, maxRows)
  const index = Math.floor(offset / limit)
  const start = index * limit
  const room = maxRows - start
  return { number: index + 1, limit, start, room, rows: 0, skipped: 0, first: '', last: '' }
}

/** One page as its bytes arrive. However long MISP's answer is, only a chunk of it is in memory. */
async function* readPage(
  reading: Reading,
  page: Page,
): AsyncGenerator<AttributeRow[], void, undefined> {
  const { target } = reading.wire
  const answer = await ask(target, questionFor(reading, page), reading.signal)
  page.skipped = skippedIn(answer, page.limit)
  const splitter = new ElementSplitter({ subject: target, path: ['response', 'Attribute'] })
  for await (const chunk of answer.chunks) {
    const elements = splitter.push(chunk)
    if (elements.length === 0) continue
    const wanted = elements.slice(0, Math.max(0, page.room - page.rows))
    page.rows += elements.length
    const rows = takeRows(reading, wanted)
    if (rows.length > 0) {
      page.first ||= rows[0]?.uuid ?? ''
      page.last = rows.at(-1)?.uuid ?? ''
      yield rows
    }
  }
  splitter.end()
}

function questionFor({ query, pages }: Reading, page: Page) {
  const order = pages.order === null ? {} : { order: pages.order ?? ORDER }
  const body = { ...order, ...wireQuery(query), limit: page.limit, page: page.number }
  return { path: 'attributes/restSearch', body }
}

function takeRows({ wire, pages }: Reading, elements: readonly unknown[]): AttributeRow[] {
  const { metrics, name } = wire.target
  const rows: AttributeRow[] = []
  for (const raw of elements) {
    const row = parseAttribute(raw)
    if (isRefusal(row)) {
      metrics.count('tipline_pull_rows_refused_total', { source: name, reason: row.reason })
      pages.onRefused?.(row)
    } else rows.push(row)
  }
  metrics.count('tipline_pull_attributes_total', { source: name }, rows.length)
  return rows
}

/** MISP filters some rows after its LIMIT; such a page is short and yet not the last. */
function isLast({ pages }: Reading, page: Page): boolean {
  const { maxRows } = pages
  if (maxRows !== undefined && page.start + page.limit >= maxRows) return true
  return page.rows + page.skipped < page.limit
}

function skippedIn({ headers }: Answer, limit: number): number {
  const text = headerText(headers, 'x-skipped-elements-count') ?? ''
  return /^\d{1,9}$/.test(text) ? Math.min(Number(text), limit) : 0
}

/** Whether a smaller page may help. */
function isTooMuch(error: unknown): boolean {
  return error instanceof SourceError && ['server-error', 'timeout', 'cut'].includes(error.fault)
}
