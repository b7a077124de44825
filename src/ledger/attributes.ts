/** What the ledger has of attributes that somebody names: those of hits. */
import type { Database } from './sqlite.js'

export interface AttributeKey {
  readonly source: string
  readonly event: string
  readonly attribute: string
}

export interface AttributeFacts {
  readonly eventId: string
  readonly eventInfo: string
  readonly type: string
  /** As the source gave it. */
  readonly value: string
  /** The attribute's and its event's. */
  readonly tags: readonly string[]
  /** Whether anything that it means is live and not held. */
  readonly isServed: boolean
}

const ONE = `
  SELECT e.misp_id AS eventId, e.info AS eventInfo, a.type, a.value, a.tags, e.tags AS eventTags,
    EXISTS (
      SELECT 1 FROM carrier c WHERE c.attribute = a.id AND c.held_rule IS NULL AND c.hold IS NULL
    ) AS isServed
  FROM source s CROSS JOIN event e ON e.source = s.id AND e.uuid = :event
  CROSS JOIN attribute a ON a.event = e.id AND a.uuid = :attribute WHERE s.name = :source`

interface Row {
  eventId: string
  eventInfo: string
  type: string
  value: string
  tags: string
  eventTags: string
  isServed: number
}

/** Asks for one attribute after the other, each through indexes alone. */
export class AttributeReader {
  readonly #one: ReturnType<Database['prepare']>
  readonly #sources: ReadonlySet<string>

  constructor(db: Database) {
    this.#one = db.prepare(ONE)
    const names = db.prepare('SELECT name FROM source').all() as { name: string }[]
    this.#sources = new Set(names.map(({ name }) => name))
  }

  /** Whether attributes of this source would be here. */
  knows(source: string): boolean {
    return this.#sources.has(source)
  }

  /** null: the source has it no longer, or never had. */
  read({ source, event, attribute }: AttributeKey): AttributeFacts | null {
    const row = this.#one.get({ source, event, attribute }) as Row | undefined
    if (!row) return null
    const { tags, eventTags, isServed, ...rest } = row
    const all = [...(JSON.parse(tags) as string[]), ...(JSON.parse(eventTags) as string[])]
    return { ...rest, tags: [...new Set(all)], isServed: isServed === 1 }
  }
}
