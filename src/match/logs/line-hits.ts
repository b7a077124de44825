/** What is kept of a line that hit: what was looked up in it, and nothing else. */
import { createHash } from 'node:crypto'
import type { LineHits, Met } from '../../hits/record.js'
import { strictestTlp } from '../../policy/tlp.js'
import { storable } from '../../text.js'
import type { Hit, StateCarrier } from './hit.js'
import type { Observer } from './observe.js'

/** Newest attributes of one indicator that are kept, as many as are told in the line. */
const MOST_CARRIERS = 20
const MOST_OBSERVED = 64
/** In characters. */
const LONGEST = 2048

/** `line`: its bytes as they came, without the line feed. */
export function lineHits(
  line: Buffer,
  { document, hits, observer }: { document: object; hits: readonly Hit[]; observer: Observer },
): LineHits {
  return {
    digest: createHash('sha256').update(line).digest('hex').slice(0, 32),
    at: timeOf(document),
    observed: observedIn(document, { hits, observer }),
    met: hits.flatMap((hit) =>
      hit.carriers.slice(0, MOST_CARRIERS).map((carrier) => metOf(hit, carrier)),
    ),
  }
}

function metOf({ field, observable, indicator }: Hit, carrier: StateCarrier): Met {
  const { level, tag } = strictestTlp([carrier.tags], 'clear')
  return {
    field: kept(field),
    observable: kept(observable),
    kind: indicator.kind,
    value: kept(indicator.value),
    uuid: kept(carrier.attributeUuid),
    type: kept(carrier.type),
    eventId: kept(carrier.eventId),
    eventUuid: kept(carrier.eventUuid),
    eventInfo: kept(carrier.eventInfo),
    source: carrier.source,
    tlp: tag === null ? '' : level,
  }
}

/** What hit comes first: of a line with very many values, the others are left out. */
function observedIn(
  document: object,
  { hits, observer }: { hits: readonly Hit[]; observer: Observer },
): [string, string][] {
  const pairs = [
    ...hits.map(({ field, observable }) => [field, observable] as const),
    ...observer.observe(document).map(({ field, text }) => [field, text] as const),
  ]
  const once = new Map(
    pairs.map(([field, value]) => {
      const pair: [string, string] = [kept(field), kept(value)]
      return [JSON.stringify(pair), pair]
    }),
  )
  return [...once.values()].slice(0, MOST_OBSERVED)
}

/** What is very long is cut, and says so. What a text may not hold goes before texts are compared. */
function kept(text: string): string {
  return storable(text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`)
}

/** Fields that tell when it was: ECS and Suricata, Zeek, others. */
const TIMES = ['@timestamp', 'timestamp', 'ts', 'time', '_time', 'datetime'] as const

function timeOf(document: object): number | null {
  const values = document as Readonly<Record<string, unknown>>
  for (const name of TIMES) {
    const at = Object.hasOwn(values, name) ? readTime(values[name]) : null
    if (at !== null) return at
  }
  return null
}

const DATE_TIME =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d))?(?:[.,](\d{1,3})\d*)?\s*(Z|[+-]\d\d:?\d\d)?$/i
/** Greater numbers are milliseconds; as seconds they would mean the year 5138. */
const MOST_SECONDS = 1e11

/** ISO 8601, without a zone in UTC; or a number of seconds or milliseconds, also as text. */
function readTime(value: unknown): number | null {
  if (typeof value === 'number') return value > MOST_SECONDS ? Math.floor(value) : secondsIn(value)
  if (typeof value !== 'string' || value.length > 40) return null
  if (/^\d{1,13}(\.\d+)?$/.test(value)) return readTime(Number(value))
  const [, date, time, second = '00', part = '0', zone = 'Z'] = DATE_TIME.exec(value) ?? []
  if (date === undefined) return null
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()
  const at = Date.parse(`${date}T${time}:${second}.${part.padEnd(3, '0')}${offset}`)
  return Number.isNaN(at) ? null : at
}

function secondsIn(value: number): number | null {
  return Number.isFinite(value) ? Math.floor(value * 1000) : null
}
