/** One line of NDJSON: parsed, examined and, where it hits, added to. */
import { ascii } from '../../ascii.js'
import { type EventLink, enrichmentsOf } from './enrichment.js'
import type { Examiner } from './examiner.js'
import type { Hit } from './hit.js'
import { appendTo } from './splice.js'

export interface LineOptions {
  readonly link: EventLink
  /** Also `misp.event_id` and `misp.type`, as MISP2memcached's script for Logstash writes them. */
  readonly legacy: boolean
}

/** What came of a line. `odd`: it is no JSON object. */
export type LineResult =
  | { readonly verdict: 'miss' | 'odd' }
  | {
      readonly verdict: 'hit'
      readonly document: object
      readonly hits: readonly Hit[]
      readonly bytes: Buffer
    }

const MISS = { verdict: 'miss' } as const
const ODD = { verdict: 'odd' } as const

export class LineEnricher {
  readonly #examiner: Examiner
  readonly #options: LineOptions

  constructor(examiner: Examiner, options: LineOptions) {
    this.#examiner = examiner
    this.#options = options
  }

  /** `line`: without its line feed. */
  enrich(line: Buffer): LineResult {
    const document = parseObject(line)
    if (document === null) return ODD
    const hits = this.#examiner.hits(document)
    if (hits.length === 0) return MISS
    return { verdict: 'hit', document, hits, bytes: this.#added(line, document, hits) }
  }

  #added(line: Buffer, document: object, hits: readonly Hit[]): Buffer {
    const occurred = new Date().toISOString()
    const items = enrichmentsOf(hits, { occurred, link: this.#options.link }).map(ascii)
    const lists = [{ child: 'enrichments', items }]
    const added = appendTo(line, document, { parent: 'threat', lists })
    return this.#options.legacy ? withLegacy(added, document, hits) : added
  }
}

/** null where it is no JSON object. A byte order mark is none of its business. */
export function parseObject(line: Buffer): object | null {
  const hasMark = line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf
  const text = line.toString('utf8', hasMark ? 3 : 0)
  try {
    const document: unknown = JSON.parse(text)
    const isObject = typeof document === 'object' && document !== null && !Array.isArray(document)
    return isObject ? document : null
  } catch {
    return null
  }
}

/** Pairs of event and type, each once, side by side as that script has them. */
function withLegacy(line: Buffer, document: object, hits: readonly Hit[]): Buffer {
  const carriers = hits.flatMap((hit) => hit.carriers)
  const pairs = new Map(
    carriers.map(({ eventId, eventUuid, type }) => {
      const event = eventId === '' ? eventUuid : eventId
      return [`${event}#${type}`, { event, type }]
    }),
  )
  const events = [...pairs.values()].map(({ event }) => ascii(event))
  const types = [...pairs.values()].map(({ type }) => ascii(type))
  const lists = [
    { child: 'event_id', items: events },
    { child: 'type', items: types },
  ]
  return appendTo(line, document, { parent: 'misp', lists })
}
