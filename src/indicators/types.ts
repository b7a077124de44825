/**
 * The type table: every MISP type, either with what it means for matching or with the reason why it
 * can't be matched exactly. Pure data; `normalise.ts` runs it, `docs/reference/types.md` is made of it.
 */
import type { TypeEntry } from './entry.js'
import type { Space } from './indicator.js'
import { MATCHABLE } from './matchable.js'
import { UNMATCHABLE } from './unmatchable.js'

export type { TypeEntry } from './entry.js'
export { OPT_IN_KINDS } from './entry.js'

/** Changes whenever the same value gives other meanings; the ledger then derives them anew. */
export const NORMALISER_VERSION = 1

/** Spaces that MISP2memcached fills; `misp-stats` counts their keys. */
export const LEGACY_SPACES: readonly Space[] = [
  'md5',
  'sha1',
  'sha256',
  'sha512',
  'imphash',
  'ip',
  'domain',
  'url',
]

export const TYPE_TABLE: readonly TypeEntry[] = [...MATCHABLE, ...UNMATCHABLE]

export const MATCHABLE_TYPES: readonly string[] = MATCHABLE.map(({ type }) => type)

const BY_TYPE: ReadonlyMap<string, TypeEntry> = new Map(
  TYPE_TABLE.map((entry) => [entry.type, entry]),
)

/** Undefined for a type that the table doesn't know, as a newer MISP may send. */
export function typeEntry(type: string): TypeEntry | undefined {
  return BY_TYPE.get(type)
}
