/** What is asked and answered of values. */
import { z } from '@hono/zod-openapi'
import { counted } from './hits.js'
import { isoTime } from './times.js'

/** Longer than any indicator that can hit. */
export const LONGEST_VALUE = 8192
export const MOST_VALUES = 10_000

export const value = z
  .string()
  .min(1)
  .max(LONGEST_VALUE)
  .openapi({ example: '198.51.100.7', description: 'An observable, defanged or not.' })

export const valueQuery = z.object({ value })

export const lookupRequest = z
  .strictObject({ values: z.array(value).min(1).max(MOST_VALUES) })
  .openapi('LookupRequest')

const held = z
  .object({ rule: z.string(), why: z.string() })
  .nullable()
  .openapi({ description: 'Why it is known but not served; null: it is served.' })

const states = ['live', 'held', 'expired', 'revoked'] as const

const found = z.object({
  kind: z.string().openapi({ example: 'ip' }),
  value: z.string().openapi({ description: 'Normalised.' }),
  port: z.number().int().optional(),
  via: z.enum(['exact', 'net', 'name']).openapi({
    description:
      'exact: they are the same; net: the net holds the address; name: its host, or a domain above.',
  }),
  state: z.enum(states),
})

export const lookupAnswer = z
  .object({
    value: z.string().openapi({ description: 'As it was given.' }),
    found: z.boolean().openapi({ description: 'Whether something live is met.' }),
    state: z.enum([...states, 'unknown']),
    indicators: z.array(
      found.extend({
        since: isoTime.nullable().openapi({ description: 'Live since; null: it is not live.' }),
        events: z.array(
          z.object({
            source: z.string(),
            id: z.string().openapi({ description: "MISP's number; empty of a feed." }),
            uuid: z.string(),
            info: z.string(),
            type: z.string().openapi({ description: "The attribute's type in MISP." }),
            tags: z.array(z.string()),
            held,
          }),
        ),
      }),
    ),
  })
  .openapi('Lookup')

export const lookupAnswers = z.object({ values: z.array(lookupAnswer) }).openapi('Lookups')

const carrier = z
  .object({
    source: z.string(),
    source_in_config: z.boolean(),
    event: z.string(),
    event_uuid: z.string(),
    event_info: z.string(),
    event_published: z.boolean(),
    link: z.string().nullable().openapi({ description: "The event's page in its MISP." }),
    organisation: z.string(),
    attribute_uuid: z.string(),
    type: z.string(),
    raw_value: z.string().openapi({ description: 'As the source gave it.' }),
    tags: z.array(z.string()),
    labels: z.array(z.string()).openapi({ description: 'Lists it stands on that only label.' }),
    since: isoTime.nullable(),
    timestamp: isoTime.nullable(),
    first_seen: isoTime.nullable(),
    last_seen: isoTime.nullable(),
    held,
  })
  .openapi('Carrier', { description: 'An attribute that makes it an indicator.' })

export const indicator = found
  .extend({
    known_since: isoTime.nullable(),
    live_since: isoTime.nullable(),
    carriers: z.array(carrier),
    history: z.array(
      z.object({
        from: isoTime.nullable(),
        until: isoTime.nullable(),
        why: z.string(),
        last_carried_by: z.record(z.string(), z.string()).nullable(),
      }),
    ),
    sinks: z.array(
      z.object({ name: z.string(), state: z.enum(['current', 'behind', 'never shipped']) }),
    ),
  })
  .openapi('Indicator')

export const hold = z
  .object({
    id: z.number().int(),
    target: z.string(),
    event: z.string().nullable(),
    author: z.string(),
    why: z.string(),
    at: isoTime.nullable(),
    until: isoTime.nullable(),
    ended_at: isoTime.nullable(),
    ended_by: z.string().nullable(),
  })
  .openapi('Hold')

export const setAside = z
  .object({
    source: z.string(),
    event: z.string(),
    event_uuid: z.string(),
    attribute_uuid: z.string(),
    type: z.string(),
    value: z.string(),
    reason: z.string(),
  })
  .openapi('SetAside')

const inFlows = z.object({
  unavailable: z
    .string()
    .nullable()
    .openapi({ description: 'Why ClickHouse could not be asked; null: it could.' }),
  looked_for: z
    .array(
      z.object({
        value: z.string(),
        port: z.number().int().openapi({ description: '0: any.' }),
        source: z.string(),
        attribute_uuid: z.string(),
        back_to: isoTime.nullable().openapi({ description: 'null: not in the past.' }),
      }),
    )
    .openapi({ description: 'Attributes that flows are matched with.' }),
  counted: z.array(counted),
})

export const explainAnswer = z
  .object({
    value: z.string(),
    state: z.enum([...states, 'unknown', 'set_aside']),
    indicators: z.array(indicator),
    set_aside: z.array(setAside),
    holds: z.array(hold),
    policy_now: z
      .array(
        z.object({
          space: z.string(),
          value: z.string(),
          attribute_uuid: z.string().nullable(),
          served: z.boolean(),
          held: z.object({ rule: z.string(), reason: z.string() }).nullable(),
        }),
      )
      .openapi({ description: 'What the policy in the config says, where that is not in force.' }),
    in_flows: inFlows.nullable().openapi({
      description: 'null: the value is none that flows have, or there is no ClickHouse.',
    }),
    sink_checks: z.array(
      z.object({
        sink: z.string(),
        space: z.string(),
        value: z.string(),
        verdict: z.enum(['right', 'missing', 'different', 'unreachable']),
        what: z.string().nullable(),
      }),
    ),
  })
  .openapi('Explanation')
