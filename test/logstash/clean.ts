/** What may come out of the script: the event as it was, and strings in the right fields, nothing else. */
import { expect } from 'vitest'
import { MATCHABLE_TYPES } from '../../src/indicators/types.js'
import type { Data } from './ruby.js'

export interface Enrichment {
  readonly matched: Record<string, string>
  readonly indicator: Record<string, string>
}

const TAGS = /^_tipline_(?:unavailable|stale|bad_value|truncated)$/
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
/** Nothing that an eye can't see, and nothing that turns the order of letters round. */
const SHOWN = /^[^\p{Cc}\p{Surrogate}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]{1,256}$/u

const MATCHED: Record<string, RegExp> = {
  atomic: /^.{1,2048}$/su,
  field: /^[\w.[\]-]{1,80}$/,
  id: new RegExp(`^(?:${UUID}|misp-.{1,250})$`, 's'),
  index: /^misp-[a-z0-9-]{1,40}$/,
  occurred: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  type: /^indicator_match_rule$/,
}

const INDICATOR: Record<string, RegExp> = {
  name: /^.{1,2048}$/su,
  type: /^[a-z0-9-]{1,30}$/,
  provider: /^[\w.-]{1,64}$/,
  reference: new RegExp(`^https?://[\\w.:-]+/events/view/(?:\\d{1,19}|${UUID})$`),
  description: SHOWN,
  'marking.tlp': /^(?:CLEAR|GREEN|AMBER|AMBER\+STRICT|RED)$/,
  first_seen: TIME,
  last_seen: TIME,
  modified_at: TIME,
  ip: /^[0-9a-f.:]{2,45}$/,
  'url.domain': /^[a-z0-9._-]{1,253}$/,
  'url.full': /^.{1,2048}$/su,
  'email.address': /^[!-~]{3,320}$/,
  'registry.path': /^.{1,2048}$/su,
  'file.name': /^.{1,2048}$/su,
}
const FILE_HASH = /^file\.(?:hash|pe)\.[a-z0-9]{3,10}$/

/** Answers the enrichments. Fails where anything came out that should not. */
export function expectClean(after: Data, before: Data): Enrichment[] {
  const { tipline, misp, threat, tags, ...rest } = after
  expect(rest).toEqual(before)
  if (tipline !== undefined) expect(tipline).toEqual({ age: expect.any(Number) })
  for (const tag of (tags as unknown[]) ?? []) expect(tag).toMatch(TAGS)
  if (misp !== undefined) expectLegacy(misp as Data)
  if (threat === undefined) return []
  expect(Object.keys(threat as object)).toEqual(['enrichments'])
  const { enrichments } = threat as { enrichments: Enrichment[] }
  for (const one of enrichments) {
    expect(Object.keys(one).sort()).toEqual(['indicator', 'matched'])
    expectStrings(one.matched, (name) => MATCHED[name])
    expect(Object.keys(one.matched)).toHaveLength(6)
    expectStrings(
      one.indicator,
      (name) => INDICATOR[name] ?? (FILE_HASH.test(name) ? /^[0-9a-f]{32,128}$/ : undefined),
    )
  }
  return enrichments
}

function expectLegacy({ event_id, type, ...more }: Data): void {
  expect(more).toEqual({})
  for (const id of event_id as unknown[]) expect(id).toMatch(new RegExp(`^(?:\\d{1,19}|${UUID})$`))
  for (const each of type as unknown[]) expect(MATCHABLE_TYPES).toContain(each)
  expect((event_id as unknown[]).length).toBe((type as unknown[]).length)
}

function expectStrings(of: object, patternOf: (name: string) => RegExp | undefined, at = ''): void {
  for (const [name, value] of Object.entries(of)) {
    const path = at + name
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      expectStrings(value, patternOf, `${path}.`)
    else if (typeof value !== 'string' || !patternOf(path)?.test(value)) {
      expect.fail(`${path} came out as ${JSON.stringify(value)?.slice(0, 300)}`)
    }
  }
}
