/** What flows say of a value: how far back it has been looked for, and what of it is only counted. */
import { ClickHouseError } from '../errors.js'
import { type Counted, countedDocument, readCounted } from '../hits/counted.js'
import type { HitStores } from '../hits/stores.js'
import { iso } from '../time.js'
import { type Looked, readLooked } from './backscan/coverage.js'
import type { Knowledge } from './explain.js'
import type { Found } from './lookup.js'

export interface InFlows {
  /** Why ClickHouse could not be asked; null: it could. */
  readonly unavailable: string | null
  /** Attributes that flows are matched with. */
  readonly looked: readonly (Looked & { readonly value: string })[]
  readonly counted: readonly Counted[]
}

/** An address may lie in many nets. */
const MOST_VALUES = 20
const MOST_COUNTED = 20

/** null: there is no ClickHouse, or the value is none that flows have. */
export async function inFlowsOf(
  { found }: Pick<Knowledge, 'found'>,
  stores: HitStores,
  signal: AbortSignal,
): Promise<InFlows | null> {
  const { flows } = stores
  const addresses = found.filter(hasAddress)
  if (flows === null || addresses.length === 0) return null
  const values = [...new Set(addresses.map(({ indicator }) => indicator.value))]
  const attributes = addresses.flatMap(({ indicator }) =>
    indicator.carriers.map(({ attributeUuid }) => attributeUuid),
  )
  try {
    const db = await flows.open()
    const looked: InFlows['looked'][number][] = []
    for (const value of values.slice(0, MOST_VALUES)) {
      const of = await readLooked({ db, tables: flows.tables, signal }, value)
      looked.push(...of.map((each) => ({ ...each, value })))
    }
    const counted = await readCounted(stores, { attributes, limit: MOST_COUNTED }, signal)
    return { unavailable: null, looked, counted }
  } catch (error) {
    if (!(error instanceof ClickHouseError)) throw error
    return { unavailable: error.message, looked: [], counted: [] }
  }
}

/** Flows have addresses. */
export function hasAddress({ indicator: { space } }: Found): boolean {
  return space === 'ip' || space === 'net'
}

export function inFlowsDocument({ unavailable, looked, counted }: InFlows) {
  return {
    unavailable,
    looked_for: looked.map(({ value, port, source, attribute, backTo }) => ({
      value,
      port,
      source,
      attribute_uuid: attribute,
      back_to: iso(backTo),
    })),
    counted: counted.map(countedDocument),
  }
}
