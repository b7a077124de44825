/** How MISP reads the values of its filters: lists, negations, wildcards, times, odd truths. */

/** MISP's own failure: an exception that answers with this status. */
export class MispError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

export const internalError = () => new MispError(500, 'An Internal Error Has Occurred.')

/** The three parts of a filter; undefined when it filters nothing. */
export interface Terms {
  readonly or: readonly string[]
  readonly and: readonly string[]
  readonly not: readonly string[]
}

/** A word that no value equals: what PHP makes of a nested list. */
const IMPOSSIBLE = '\u0000Array'

/** A string (`a||b`, `!a`), a list, or `{OR, AND, NOT}`. */
export function terms(value: unknown): Terms | undefined {
  if (value === undefined || value === null || value === false) return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : signed(value.map(word))
  if (typeof value === 'object') return boxed(value as Record<string, unknown>)
  return signed(word(value).split(/\|\||&&/))
}

function signed(words: readonly string[]): Terms {
  return {
    or: words.filter((each) => !each.startsWith('!')),
    and: [],
    not: words.filter((each) => each.startsWith('!')).map((each) => each.slice(1)),
  }
}

function boxed(box: Record<string, unknown>): Terms {
  const part = (key: string) => {
    const value = box[key]
    return value === undefined ? [] : (Array.isArray(value) ? value : [value]).map(word)
  }
  const found = { or: part('OR'), and: part('AND'), not: part('NOT') }
  const empty = found.or.length + found.and.length + found.not.length === 0
  return empty ? { ...found, or: [IMPOSSIBLE] } : found
}

function word(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === true) return '1'
  return typeof value === 'number' ? String(value) : IMPOSSIBLE
}

/**
 * A test for things that go by one or more names: some name must be wanted, every AND be met,
 * and none unwanted. `%` is SQL's wildcard.
 */
export function nameTest(wanted: Terms, fold = false): (names: readonly string[]) => boolean {
  const or = matcher(wanted.or, fold)
  const not = matcher(wanted.not, fold)
  const and = wanted.and.map((each) => matcher([each], fold))
  return (names) =>
    (wanted.or.length === 0 || names.some(or)) &&
    and.every((each) => names.some(each)) &&
    !(wanted.not.length > 0 && names.some(not))
}

function matcher(words: readonly string[], fold: boolean): (name: string) => boolean {
  const same = (name: string) => (fold ? name.toLowerCase() : name)
  const exact = new Set(words.filter((each) => !each.includes('%')).map(same))
  const wild = words.filter((each) => each.includes('%')).map((each) => like(each, fold))
  return (name) => exact.has(same(name)) || wild.some((pattern) => pattern.test(name))
}

function like(pattern: string, fold: boolean): RegExp {
  const source = pattern
    .split('%')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  return new RegExp(`^${source}$`, fold ? 'is' : 's')
}

/** A range of seconds, ends included; `undefined` when the filter can match nothing. */
export type Range = readonly [from: number, to: number]

/**
 * A timestamp filter: an epoch, a duration (`3d`, `10h`, `5m`, `30s` before now), a date, or two
 * of them in either order. What can't be read matches nothing, silently; lists of another length
 * and objects are an internal error.
 */
export function timeRange(value: unknown, now: number): Range | 'nothing' {
  if (value !== null && typeof value === 'object') {
    if (!Array.isArray(value) || value.length !== 2) throw internalError()
    const ends = value.map((each) => instant(each, now))
    if (ends.some(Number.isNaN)) return 'nothing'
    return [Math.min(...ends), Math.max(...ends)]
  }
  const from = instant(value, now)
  return Number.isNaN(from) ? 'nothing' : [from, Number.POSITIVE_INFINITY]
}

const UNITS: Record<string, number> = { d: 86_400, h: 3600, m: 60, s: 1 }
const WORDS: Record<string, number> = { second: 1, minute: 60, hour: 3600, day: 86_400 }

function instant(value: unknown, now: number): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return Number.NaN
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value)
  const delta = /^(\d+)([dhms])$/.exec(value)
  if (delta) return now - Number(delta[1]) * UNITS[delta[2]!]!
  const ago = /^(\d+) (second|minute|hour|day)s? ago$/.exec(value)
  if (ago) return now - Number(ago[1]) * WORDS[ago[2]!]!
  return /^\d{4}-\d\d-\d\d/.test(value) ? Math.floor(Date.parse(value) / 1000) : Number.NaN
}

/**
 * `to_ids`: 0, "0" and "exclude" mean off; false, null and a list of both mean don't care; every
 * other word, "no" and "false" among them, means on.
 */
export function toIdsWanted(value: unknown): boolean | undefined {
  if (value === undefined || value === null || value === false) return undefined
  if (Array.isArray(value)) return bothOrOne(value)
  return !(value === 0 || value === '0' || value === 'exclude')
}

/** `published`: as to_ids, but "exclude" is just another word. */
export function publishedWanted(value: unknown): boolean | undefined {
  if (value === undefined || value === null || value === false) return undefined
  if (Array.isArray(value)) return bothOrOne(value)
  return !(value === 0 || value === '0')
}

export type DeletedMode = 'live' | 'only' | 'both'

/** `deleted`: unset, 0 and false mean live rows; [0,1] both; anything else only deleted ones. */
export function deletedMode(value: unknown): DeletedMode {
  if (Array.isArray(value)) {
    const wanted = bothOrOne(value)
    return wanted === undefined ? 'both' : wanted ? 'only' : 'live'
  }
  return !value || value === '0' ? 'live' : 'only'
}

function bothOrOne(values: readonly unknown[]): boolean | undefined {
  const bits = new Set(values.map((each) => Boolean(Number(each))))
  return bits.size === 1 ? bits.has(true) : undefined
}

/**
 * `limit` as PHP sees it. `take` is how many rows SQL gives (undefined: all), `compare` what MISP
 * holds their number against, undefined when it walks through everything by itself.
 */
export function limitOf(value: unknown): { take?: number; compare?: number } {
  if (!value || value === '0') return {}
  if (value === true) return { take: 1, compare: 1 }
  const number = typeof value === 'string' ? Number(value) : value
  if (typeof number !== 'number' || Number.isNaN(number)) throw internalError()
  return number < 0 ? { compare: number } : { take: Math.floor(number), compare: number }
}

export function pageOf(value: unknown): number {
  if (value === undefined || value === null || value === '') return 1
  const number = Number(value)
  if (Number.isNaN(number)) throw internalError()
  return Math.max(1, Math.floor(number))
}

export interface SortKey {
  readonly field: string
  readonly descending: boolean
}

const SORTABLE = new Set([
  ...['id', 'event_id', 'object_id', 'type', 'category', 'value', 'distribution', 'timestamp'],
  ...['object_relation', 'publish_timestamp'],
])

/** `order`: a string or a list of `Model.field asc|desc`. What isn't known is ignored. */
export function orderOf(value: unknown): SortKey[] {
  const rules = Array.isArray(value) ? value : [value]
  return rules.flatMap((rule) => {
    if (typeof rule !== 'string') return []
    const [name = '', direction = ''] = rule.trim().toLowerCase().split(/\s+/)
    const field = name.split('.').at(-1)!
    return SORTABLE.has(field) ? [{ field, descending: direction === 'desc' }] : []
  })
}
