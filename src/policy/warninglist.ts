/**
 * Lists in MISP's warninglist format, as the misp-warninglists repository has them in files
 * (`{name, version, description, type, list, matching_attributes}`) and as MISP's API answers them
 * (`{Warninglist: {name, type, version, enabled, category, WarninglistEntry: [{value}], ...}}`).
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ConfigError, type ConfigProblem } from '../errors.js'
import {
  compileMatcher,
  LIST_TYPES,
  type ListType,
  type Matcher,
  type Refused,
} from './matchers.js'

/** What MISP says a list is for: things that are no threat, or things one merely wants to know. */
export type ListCategory = 'false_positive' | 'known'

export interface WarningList extends Matcher {
  readonly name: string
  /** The file, or where else it came from. */
  readonly origin: string
  readonly version: string
  readonly description: string
  readonly type: ListType
  readonly category: ListCategory
  /** False where a MISP knows the list and does not use it. */
  readonly enabled: boolean
  /** Entries in use. */
  readonly size: number
  /** The entries where they are values, hosts or nets; null where the list is too large, or searches. */
  readonly hosts: readonly string[] | null
  /** Entries left out, and why; worth a warning, never a failure. */
  readonly warnings: readonly string[]
  /** Changes with everything here that changes what the list matches. */
  readonly fingerprint: string
  /** Whether the list is meant for attributes of this MISP type. */
  appliesTo(type: string): boolean
}

interface RawList {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly type: ListType
  readonly category: ListCategory
  readonly enabled: boolean
  readonly entries: readonly string[]
  /** Empty: all. */
  readonly types: readonly string[]
}

const LONGEST_ENTRY = 2048
const MOST_EXAMPLES = 5
/** From here on it costs less to ask the list each time than to have its entries twice. */
const LARGE = 200_000

/** `origin` is named in errors and can be named in the config. @throws ConfigError */
export function parseWarninglist(json: unknown, origin: string): WarningList {
  const parsed = warninglistSchema.safeParse(json)
  if (!parsed.success) throw unreadable(origin, parsed.error)
  const raw = parsed.data
  const { usable, refused } = sift(raw.entries)
  const compiled = compileMatcher(raw.type, usable)
  return {
    ...compiled.matcher,
    name: raw.name,
    origin,
    version: raw.version,
    description: raw.description,
    type: raw.type,
    category: raw.category,
    enabled: raw.enabled,
    size: usable.length - compiled.refused.length,
    hosts: usable.length > LARGE ? null : compiled.hosts,
    warnings: warningsOf([...refused, ...compiled.refused]),
    fingerprint: fingerprintOf(raw),
    appliesTo: typeFilter(raw.types),
  }
}

const listType = z.enum(LIST_TYPES, `expected one of ${LIST_TYPES.join(', ')}`).default('string')
const version = z.union([z.number(), z.string()]).default('').transform(String)
const category = z
  .string()
  .nullish()
  .transform((text): ListCategory => (text === 'known' ? 'known' : 'false_positive'))

const repositoryList = z
  .object({
    name: z.string().min(1),
    version,
    description: z.string().nullish(),
    type: listType,
    category,
    list: z.array(z.string()),
    matching_attributes: z.array(z.string()).nullish(),
  })
  .transform(
    (file): RawList => ({
      name: file.name,
      version: file.version,
      description: file.description ?? '',
      type: file.type,
      category: file.category,
      enabled: true,
      entries: file.list,
      types: file.matching_attributes ?? [],
    }),
  )

const apiList = z
  .object({
    name: z.string().min(1),
    version,
    description: z.string().nullish(),
    type: listType,
    category,
    enabled: z.boolean().default(true),
    WarninglistEntry: z.array(z.object({ value: z.string() })),
    WarninglistType: z.array(z.object({ type: z.string() })).nullish(),
    valid_attributes: z.string().nullish(),
  })
  .transform(
    (answer): RawList => ({
      name: answer.name,
      version: answer.version,
      description: answer.description ?? '',
      type: answer.type,
      category: answer.category,
      enabled: answer.enabled,
      entries: answer.WarninglistEntry.map(({ value }) => value),
      types: [
        ...(answer.WarninglistType ?? []).map(({ type }) => type),
        ...(answer.valid_attributes ?? '').split(','),
      ],
    }),
  )

/** Chosen by the wrapper, so that an error speaks of the format that the file is in. */
const warninglistSchema = z.unknown().transform((json, context): RawList => {
  const wrapped = typeof json === 'object' && json !== null && 'Warninglist' in json
  const parsed = wrapped ? apiList.safeParse(json.Warninglist) : repositoryList.safeParse(json)
  if (parsed.success) return parsed.data
  for (const { message, path } of parsed.error.issues) {
    context.addIssue({
      code: 'custom',
      message,
      path: wrapped ? ['Warninglist', ...path] : [...path],
    })
  }
  return z.NEVER
})

function unreadable(origin: string, error: z.ZodError): ConfigError {
  const problems = error.issues
    .slice(0, MOST_EXAMPLES)
    .map(({ path, message }): ConfigProblem => ({ key: path.map(String).join('.'), message }))
  const [first] = problems
  return new ConfigError({
    what: `${origin} is no warninglist: ${first?.key ? `${first.key}: ` : ''}${first?.message}`,
    hint: 'A list has a name, a type and a list of entries, as in the misp-warninglists repository.',
    file: origin,
    problems,
  })
}

/** An empty entry would be found in every value. */
function sift(entries: readonly string[]): { usable: string[]; refused: Refused[] } {
  const usable: string[] = []
  const refused: Refused[] = []
  for (const text of entries) {
    const entry = text.trim()
    if (entry === '') refused.push({ entry, reason: 'is empty' })
    else if (entry.length > LONGEST_ENTRY) refused.push({ entry, reason: 'is too long' })
    else usable.push(entry)
  }
  return { usable, refused }
}

function warningsOf(refused: readonly Refused[]): string[] {
  const shown = refused
    .slice(0, MOST_EXAMPLES)
    .map(({ entry, reason }) => `entry ${JSON.stringify(entry.slice(0, 80))} ${reason}`)
  const more = refused.length - shown.length
  return more > 0 ? [...shown, `and ${more} more entries that can't be used`] : shown
}

function fingerprintOf(raw: RawList): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([raw.name, raw.type, raw.enabled, [...raw.types].sort()]))
  for (const entry of raw.entries) hash.update(`${entry.length}:${entry}`)
  return hash.digest('hex')
}

/** `domain|ip` is meant by `domain|ip`, and by either of its halves, where a list forgot composites. */
function typeFilter(types: readonly string[]): (type: string) => boolean {
  const meant = new Set(types.map((type) => type.trim()).filter((type) => type !== ''))
  if (meant.size === 0 || meant.has('ALL')) return () => true
  return (type) =>
    meant.has(type) || (type.includes('|') && type.split('|').some((half) => meant.has(half)))
}
