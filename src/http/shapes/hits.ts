/** What is asked and answered of hits. */
import { z } from '@hono/zod-openapi'
import { HIT_KINDS, WAYS } from '../../hits/hit.js'
import { TLP_LEVELS } from '../../policy/tlp.js'
import { isoTime, moment } from './times.js'

export const MOST_HITS = 1000
export const MOST_BUCKETS = 1000

const text = z.string().min(1).max(8192)

export const hitFilter = z.object({
  since: moment.default('24h'),
  until: moment.optional().openapi({ description: 'Default: now.' }),
  value: text.optional().openapi({ description: 'An observable, an indicator or who met it.' }),
  event: text.optional().openapi({ description: "MISP's number or the uuid of an event." }),
  source: text.optional().openapi({ description: 'Name of a source in the config.' }),
  label: text.optional().openapi({ description: 'Where it was seen.' }),
  kind: z.enum(HIT_KINDS).optional(),
  way: z.enum(WAYS).optional().openapi({ description: 'How it was met: live, or later.' }),
})

const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most)

export const hitQuery = hitFilter.extend({
  limit: count(1, MOST_HITS).default(100),
  cursor: z.string().max(512).optional().openapi({ description: '`next` of the page before.' }),
})

export const overTimeQuery = hitFilter.extend({ buckets: count(1, MOST_BUCKETS).default(96) })

export const countedQuery = hitFilter.omit({ label: true, kind: true, way: true }).extend({
  why: z.enum(['flood', 'unanswered']).optional(),
  limit: count(1, MOST_HITS).default(100),
})

const met = {
  indicator: z.object({ kind: z.string(), value: z.string() }),
  attribute: z.object({ uuid: z.string(), type: z.string() }),
  event: z.object({
    id: z.string(),
    uuid: z.string(),
    info: z.string(),
    source: z.string(),
    link: z.string().nullable(),
  }),
  tlp: z.enum(TLP_LEVELS).nullable(),
  stale: z.boolean().openapi({ description: 'The attribute is served no longer.' }),
}

export const why = z.enum(['flood', 'unanswered']).openapi({
  description:
    'flood: beyond the most hits of an hour; unanswered: contacts from outside that nobody answered.',
})

export const counted = z
  .object({
    why,
    first: isoTime,
    last: isoTime,
    hours: z.number().int().openapi({ description: 'In how many there were any.' }),
    flows: z.number().openapi({ description: 'At least so many.' }),
    packets: z.number(),
    bytes: z.number(),
    observable: z.string().openapi({ description: 'One of the addresses that were met.' }),
    ...met,
  })
  .openapi('Counted')

export const countedList = z.object({ counted: z.array(counted) }).openapi('CountedList')

export const hit = z
  .object({
    id: z.string(),
    kind: z.enum(HIT_KINDS),
    first: isoTime.openapi({ description: 'Begin of the flow, or the time of the line.' }),
    last: isoTime,
    recorded: isoTime,
    way: z.enum(WAYS).openapi({ description: 'How it was met: live, or later.' }),
    observable: z.string(),
    field: z.string(),
    ...met,
    label: z.string(),
    inside: z.object({ address: z.string(), network: z.string().nullable() }).nullable(),
    role: z.enum(['outbound', 'inbound', 'unknown']),
    answered: z.enum(['yes', 'no', 'unknown']),
    flow: z.object({ port: z.number().int(), packets: z.number(), bytes: z.number() }).nullable(),
    fields: z.record(z.string(), z.array(z.string()).readonly()),
    false_positive: z.object({ at: isoTime, by: z.string(), why: z.string() }).nullable(),
  })
  .openapi('Hit')

export const hitPage = z
  .object({
    hits: z.array(hit),
    next: z.string().nullable().openapi({ description: 'Ask with it as `cursor`; null: the end.' }),
  })
  .openapi('HitPage')

export const hitBuckets = z
  .object({
    since: isoTime,
    until: isoTime,
    buckets: z
      .array(
        z.object({
          from: isoTime,
          live: z.number().int().openapi({ description: 'Flows, as they arrived.' }),
          backscan: z.number().int().openapi({ description: 'Flows of the past.' }),
          log: z.number().int().openapi({ description: 'Lines of logs.' }),
        }),
      )
      .openapi({ description: 'Oldest first, all equally wide, the empty ones too.' }),
  })
  .openapi('HitsOverTime')

export const markRequest = z
  .strictObject({ why: z.string().max(1000).default('') })
  .openapi('FalsePositiveMark')
