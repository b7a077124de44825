/**
 * What can go wrong between a client and MISP, on demand. `next` is for one request (or `times`),
 * `always` until `clear`; `path` is a part of the path, `after` lets that many requests pass first.
 */
import type { Answer, Piece } from './answers.js'
import {
  AUTH_FAILED,
  badGateway,
  failure,
  loginPage,
  redirectToLogin,
  said,
  tooMany,
} from './answers.js'
import { generated } from './generate.js'
import { MispEvent } from './model.js'
import type { EventSource, Filters } from './restsearch.js'
import type { Breakage } from './send.js'
import type { Store } from './store.js'

export type Fault =
  /** 403, as for a key that was withdrawn. */
  | { readonly kind: 'forbidden' }
  /** 429 with X-Rate-Limit-Reset (seconds; default 2). */
  | { readonly kind: 'rate-limit'; readonly reset?: number }
  /** MISP's one opaque 500, in JSON. */
  | { readonly kind: 'error-500' }
  /** The same, but only for searches with a larger limit, or none. */
  | { readonly kind: 'out-of-memory'; readonly limitAbove: number }
  /** nginx's 502 in HTML. */
  | { readonly kind: 'bad-gateway' }
  /** 302 to /users/login, as in maintenance. */
  | { readonly kind: 'login-redirect' }
  /** 200 with an HTML login form. */
  | { readonly kind: 'login-page' }
  /** Any status and body. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body: string
      readonly type?: string
    }
  /** Content-Length promises more than comes before the socket dies. `at`: share sent. */
  | { readonly kind: 'cut-length'; readonly at?: number }
  /** Chunked, and no last chunk. */
  | { readonly kind: 'cut-chunked'; readonly at?: number }
  /** A complete HTTP answer whose JSON ends in the middle. */
  | { readonly kind: 'cut-clean'; readonly at?: number }
  /** Dribbles: default 1,024 bytes every 20 ms. */
  | { readonly kind: 'slow'; readonly bytes?: number; readonly everyMs?: number }
  /** Never answers; with `at`, stops after that share of the body. */
  | { readonly kind: 'hang'; readonly at?: number }
  | { readonly kind: 'reset' }
  /** X-Result-Count says this (default 999999). */
  | { readonly kind: 'wrong-counts'; readonly count?: number }
  /** Changes the world just before answering. Default: soft-deletes the first 3 live attributes. */
  | { readonly kind: 'drift'; readonly change?: (store: Store) => void }
  /** No event, no attribute. */
  | { readonly kind: 'empty' }
  /** Every event with an odd id is gone. */
  | { readonly kind: 'half' }
  /** So many times the events (default 10), each with as many new attributes. */
  | { readonly kind: 'flood'; readonly factor?: number }
  /** type, to_ids, published, tags and value are not looked at. */
  | { readonly kind: 'filters-ignored' }
  /** The first value holds bytes that are no UTF-8. */
  | { readonly kind: 'invalid-utf8' }
  /** Fields that no MISP has yet. */
  | { readonly kind: 'extra-fields' }
  /** The first four rows lack value, uuid, type and Event. */
  | { readonly kind: 'missing-fields' }
  /** A null among the rows. */
  | { readonly kind: 'null-row' }
  /** Every third row comes twice. */
  | { readonly kind: 'duplicates' }
  /** A byte order mark before the body. */
  | { readonly kind: 'bom' }

export type FaultKind = Fault['kind']

export type FaultSpec = Fault & {
  readonly path?: string
  readonly after?: number
  readonly times?: number
}

export interface Asked {
  readonly path: string
  readonly filters: Filters
  readonly origin: string
}

/** A fault that was ordered. */
export interface Ordered {
  readonly spec: FaultSpec
  /** How often it struck. */
  readonly struck: number
  remove(): void
}

interface Rule {
  readonly spec: FaultSpec
  seen: number
  struck: number
  times: number
}

export class Faults {
  #rules: Rule[] = []

  /** For the next matching request, or the next `times`. */
  next(spec: FaultSpec): Ordered {
    return this.#add(spec, spec.times ?? 1)
  }

  /** Until `clear()` or `remove()`. */
  always(spec: FaultSpec): Ordered {
    return this.#add(spec, spec.times ?? Number.POSITIVE_INFINITY)
  }

  clear(): void {
    this.#rules = []
  }

  /** The faults that strike this request; counts them. */
  strike(asked: Asked): Fault[] {
    return this.#rules
      .filter((rule) => due(rule, asked))
      .map((rule) => {
        rule.struck++
        return rule.spec
      })
  }

  #add(spec: FaultSpec, times: number): Ordered {
    const rule: Rule = { spec, seen: 0, struck: 0, times }
    this.#rules.push(rule)
    return {
      spec,
      get struck() {
        return rule.struck
      },
      remove: () => {
        this.#rules = this.#rules.filter((each) => each !== rule)
      },
    }
  }
}

function due(rule: Rule, { path, filters }: Asked): boolean {
  const { spec } = rule
  if (spec.path !== undefined && !path.includes(spec.path)) return false
  if (spec.kind === 'out-of-memory' && !tooBig(filters.limit, spec.limitAbove)) return false
  rule.seen++
  return rule.seen > (spec.after ?? 0) && rule.struck < rule.times
}

function tooBig(limit: unknown, above: number): boolean {
  return !Number(limit) || Number(limit) > above
}

/** The answer of a fault that needs nothing from the world. */
export function wholeAnswer(fault: Fault, { path, origin }: Asked): Answer | undefined {
  switch (fault.kind) {
    case 'forbidden':
      return failure(403, AUTH_FAILED, path)
    case 'rate-limit':
      return tooMany(path, { limit: 100, remaining: 0, reset: fault.reset ?? 2 })
    case 'error-500':
    case 'out-of-memory':
      return failure(500, 'An Internal Error Has Occurred.', path)
    case 'bad-gateway':
      return badGateway()
    case 'login-redirect':
      return redirectToLogin(origin)
    case 'login-page':
      return said(loginPage(origin), { type: 'text/html; charset=UTF-8' })
    case 'answer':
      return said(fault.body, { status: fault.status, ...(fault.type && { type: fault.type }) })
    default:
      return undefined
  }
}

export function breakage(fault: Fault): Breakage | undefined {
  switch (fault.kind) {
    case 'cut-length':
    case 'cut-chunked':
    case 'cut-clean':
      return { kind: fault.kind, at: fault.at ?? 0.6 }
    case 'slow':
      return { kind: 'slow', bytes: fault.bytes ?? 1024, everyMs: fault.everyMs ?? 20 }
    case 'hang':
      return { kind: 'hang', at: fault.at }
    case 'reset':
      return { kind: 'reset' }
    default:
      return undefined
  }
}

/** The filters that MISP will look at. */
export function heededFilters(faults: readonly Fault[], filters: Filters): Filters {
  if (!faults.some((fault) => fault.kind === 'filters-ignored')) return filters
  const { type, to_ids, published, tags, value, ...heeded } = filters
  return heeded
}

/** The events as a client is to see them. */
export function seenEvents(faults: readonly Fault[], store: Store): EventSource {
  let events = store.eventsById()
  for (const fault of faults) {
    if (fault.kind === 'empty') events = []
    if (fault.kind === 'half') events = events.filter((event) => event.id % 2 === 0)
    if (fault.kind === 'flood') events = [...events, ...flood(events, fault.factor ?? 10)]
  }
  return { events: () => events }
}

/** Far above any id of the world, so that the clones sort after it. */
const CLONE_EVENTS = 10_000_000
const CLONE_ROWS = 100_000_000

function flood(events: readonly MispEvent[], factor: number): MispEvent[] {
  return Array.from({ length: factor - 1 }, (_, k) => k + 1).flatMap((k) =>
    events.map((event) => clone(event, k)),
  )
}

function clone(event: MispEvent, k: number): MispEvent {
  const id = event.id + k * CLONE_EVENTS
  const firstId = k * CLONE_ROWS + event.id * 10_000
  const rows = generated({ seed: 1000 + k, count: event.liveCount, firstId })
  const { info, date, timestamp, publish_timestamp, distribution, tags } = event
  const same = { info, date, timestamp, publish_timestamp, distribution, tags }
  const uuid = `${String(k).padStart(8, '0')}${event.uuid.slice(8)}`
  return new MispEvent({ ...same, id, uuid, now: timestamp }, rows)
}

export function drift(faults: readonly Fault[], store: Store): void {
  for (const fault of faults) {
    if (fault.kind === 'drift') (fault.change ?? dropThree)(store)
  }
}

function dropThree(store: Store): void {
  const live = store.eventsById().flatMap((event) => event.attributes().filter((r) => !r.deleted))
  for (const row of live.slice(0, 3)) store.softDelete(row.id)
}

/** What the faults make of the rows of a search, each a JSON text. */
export function spoilRows(faults: readonly Fault[], rows: readonly string[]): string[] {
  let spoilt = [...rows]
  for (const fault of faults) {
    if (fault.kind === 'duplicates') spoilt = spoilt.flatMap((r, i) => (i % 3 ? [r] : [r, r]))
    if (fault.kind === 'null-row') spoilt.splice(Math.floor(spoilt.length / 2), 0, 'null')
    if (fault.kind === 'extra-fields') spoilt = spoilt.map(extended)
    if (fault.kind === 'missing-fields') spoilt = spoilt.map(stripped)
  }
  return spoilt
}

export function spoilsRows(faults: readonly Fault[]): boolean {
  const kinds: FaultKind[] = ['duplicates', 'null-row', 'extra-fields', 'missing-fields']
  return faults.some((fault) => kinds.includes(fault.kind))
}

function extended(row: string): string {
  return `${row.slice(0, -1)},"quantum_score":{"a":[1,{"b":"}]"}]},"Wave":null}`
}

function stripped(row: string, position: number): string {
  const lost = ['value', 'uuid', 'type', 'Event'][position]
  if (lost === undefined) return row
  const { [lost]: _, ...rest } = JSON.parse(row) as Record<string, unknown>
  return JSON.stringify(rest)
}

/** What the faults make of the finished answer. */
export function spoilAnswer(faults: readonly Fault[], answer: Answer): Answer {
  return faults.reduce((so, fault) => spoilOne(fault, so), answer)
}

function spoilOne(fault: Fault, answer: Answer): Answer {
  switch (fault.kind) {
    case 'wrong-counts': {
      const count = String(fault.count ?? 999_999)
      const headers = answer.headers.map(([name, value]): readonly [string, string] =>
        name === 'X-Result-Count' ? [name, count] : [name, value],
      )
      return { ...answer, headers }
    }
    case 'bom':
      return rewritten(answer, (body) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]))
    case 'invalid-utf8':
      return rewritten(answer, (body) => {
        const at = body.indexOf('"value":"') + 9
        const bad = Buffer.from([0xc3, 0x28, 0xff])
        return at < 9 ? body : Buffer.concat([body.subarray(0, at), bad, body.subarray(at)])
      })
    default:
      return answer
  }
}

function rewritten(answer: Answer, change: (body: Buffer) => Buffer): Answer {
  const pieces: Iterable<Piece> = answer.pieces ?? []
  const data = change(Buffer.concat([...pieces].map((piece) => piece.data)))
  return { ...answer, bytes: data.length, pieces: [{ data, rows: answer.rows }] }
}
