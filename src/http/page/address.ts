/**
 * What is looked at, as it stands in the address. It stands behind the `#`: there it can be shared, and
 * never reaches a log of requests.
 */

/** Spans that end now. */
export const SPANS = {
  '1h': 3600,
  '6h': 21_600,
  '24h': 86_400,
  '7d': 604_800,
  '30d': 2_592_000,
  '90d': 7_776_000,
} as const
export type Span = keyof typeof SPANS

export const KINDS = ['flow', 'log'] as const
export type Kind = (typeof KINDS)[number]

/** Of flows: as they arrived, or later. */
export const WAYS = ['live', 'backscan'] as const
export type Way = (typeof WAYS)[number]

/** Epoch seconds. */
export interface Window {
  readonly from: number
  readonly to: number
}

export interface View {
  /** What the box was asked; empty: nothing. */
  readonly ask: string
  /** A window is fixed, a span moves with the clock. */
  readonly time: Span | Window
  /** Filters of the hits; empty: any. */
  readonly value: string
  readonly event: string
  readonly source: string
  readonly kind: Kind | ''
  readonly way: Way | ''
}

export const START: View = {
  ask: '',
  time: '24h',
  value: '',
  event: '',
  source: '',
  kind: '',
  way: '',
}

/** Whatever makes no sense is as if it were not there. */
export function readView(fragment: string): View {
  const given = new URLSearchParams(fragment.replace(/^#/, ''))
  const text = (name: string) => given.get(name)?.trim() ?? ''
  return {
    ask: text('ask'),
    time: readTime({ last: text('last'), from: text('from'), to: text('to') }),
    value: text('value'),
    event: text('event'),
    source: text('source'),
    kind: oneOf(KINDS, text('kind')),
    way: oneOf(WAYS, text('way')),
  }
}

/** Only what differs from the start; the empty text is the start itself. */
export function writeView({ ask, time, value, event, source, kind, way }: View): string {
  const told: Record<string, string> = { ask, value, event, source, kind, way }
  if (typeof time === 'object')
    Object.assign(told, { from: moment(time.from), to: moment(time.to) })
  else if (time !== START.time) told.last = time
  const given = Object.entries(told).filter(([, text]) => text !== '')
  return new URLSearchParams(given).toString()
}

function readTime({ last, from, to }: { last: string; from: string; to: string }): View['time'] {
  if (Object.hasOwn(SPANS, last)) return last as Span
  const window = { from: seconds(from), to: seconds(to) }
  return window.from < window.to ? window : START.time
}

/** NaN where there is none within the years that calendars of four digits have. */
function seconds(text: string): number {
  const at = /^\d{4}-/.test(text) ? Date.parse(text) / 1000 : Number.NaN
  return Math.floor(at)
}

function moment(at: number): string {
  return new Date(at * 1000).toISOString().replace('.000Z', 'Z')
}

/** Empty for what is none of them. */
function oneOf<T extends string>(words: readonly T[], text: string): T | '' {
  return words.find((word) => word === text) ?? ''
}
