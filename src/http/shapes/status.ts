/** How fresh everything is, and what is asked to be done. */
import { z } from '@hono/zod-openapi'
import { parseDuration } from '../../policy/duration.js'
import { SCOPES } from '../scopes.js'
import { why } from './hits.js'
import { hold, value } from './lookup.js'
import { isoTime } from './times.js'

const counts = z.record(z.string(), z.number().int())

const flows = z
  .object({
    engine: z.object({ name: z.string(), version: z.string() }),
    imported: z.number().int().openapi({ description: 'Files.' }),
    set_aside: z.number().int(),
    last_file: z
      .object({ path: z.string(), flowsrc: z.string(), flows: z.number(), at: isoTime.nullable() })
      .nullable(),
    last_set_aside: z.object({ path: z.string(), reason: z.string() }).nullable(),
    waiting: z.number().int().openapi({ description: 'Finished files that are not imported yet.' }),
    newest_flow: isoTime.nullable(),
    live_matching: z.boolean().openapi({ description: 'Whether flows are matched as they come.' }),
    live_since: isoTime.nullable().openapi({ description: 'null: they are not.' }),
    last_in_place: isoTime.nullable().openapi({ description: 'When that was last made sure of.' }),
    detached_since: isoTime
      .nullable()
      .openapi({ description: 'By `tipline flows detach`; null: it is not detached.' }),
    looked_for: z
      .object({
        indicators: z.number().int().openapi({ description: 'That flows are matched with.' }),
        never: z.number().int().openapi({ description: 'Of them, not looked for in the past.' }),
        back_to: isoTime.nullable().openapi({ description: 'All others at least back to here.' }),
      })
      .nullable(),
    gaps: z
      .array(z.object({ from: isoTime.nullable(), to: isoTime.nullable(), why: z.string() }))
      .openapi({ description: 'Flows came unmatched; a backscan makes up for it.' }),
    counted: z
      .array(z.object({ why, indicators: z.number().int(), flows: z.number() }))
      .openapi({ description: 'In the last day; see /v1/hits/counted.' }),
  })
  .openapi('Flows')

export const statusAnswer = z
  .object({
    ok: z.boolean(),
    at: isoTime.nullable(),
    problems: z
      .array(z.object({ what: z.string(), hint: z.string() }))
      .openapi({ description: 'What needs a hand.' }),
    data_dir: z.string(),
    ledger: z.object({ id: z.string(), bytes: z.number().int() }),
    sources: z.array(
      z.object({
        name: z.string(),
        in_config: z.boolean(),
        last_good_sync: isoTime.nullable().openapi({ description: 'null: never.' }),
        events: z.number().int(),
        attributes: z.number().int(),
        set_aside: z.number().int(),
        frozen: z.boolean(),
      }),
    ),
    withheld: z.array(
      z.object({
        id: z.string(),
        source: z.string().nullable(),
        kind: z.enum(['revocations', 'additions', 'policy']),
        why: z.string(),
        items: z.number().int(),
        live: z.number().int(),
        at: isoTime.nullable(),
      }),
    ),
    live: counts.openapi({ description: 'Lookup keys by space.' }),
    held: counts.openapi({ description: 'By rule.' }),
    set_aside: z.array(
      z.object({ source: z.string(), reason: z.string(), count: z.number().int() }),
    ),
    sinks: z.array(
      z.object({
        name: z.string(),
        cursor: z.number().int().nullable(),
        written_at: isoTime.nullable(),
        lag: z.number().int().openapi({ description: 'Changes that it has not got.' }),
        set_aside: z.number().int(),
      }),
    ),
    holds: z.array(hold),
    flows: flows
      .nullable()
      .optional()
      .openapi({ description: 'Absent without a ClickHouse; null: it could not be asked.' }),
    alerts: z
      .array(
        z.object({
          channel: z.string(),
          waiting: z.number().int().openapi({ description: 'Messages in its queue.' }),
          parked: z.number().int().openapi({ description: 'Messages that the receiver refused.' }),
          digest: z.number().int().openapi({ description: 'Sights that wait for a digest.' }),
          oldest_waiting: isoTime.nullable(),
          last_error: z.string().openapi({ description: 'Of the message that waits; or empty.' }),
          last_sent: isoTime.nullable(),
        }),
      )
      .openapi({ description: 'The queue of each channel.' }),
    sightings: z
      .array(
        z.object({
          source: z.string(),
          in_config: z.boolean(),
          pending: z.number().int(),
          sent: z.number().int(),
          refused: z.number().int().openapi({ description: 'Answered with 200, but not stored.' }),
          withheld: z.number().int().openapi({ description: 'Stricter than `max_tlp`.' }),
          oldest_pending: isoTime.nullable(),
          last_refusal: z.string(),
          last_sent: isoTime.nullable(),
        }),
      )
      .openapi({ description: 'What each MISP is told; counts are of what is kept.' }),
    daemon: z
      .object({
        pid: z.number().int(),
        failing: z.array(
          z.object({
            part: z.string(),
            since: isoTime.nullable(),
            what: z.string(),
            hint: z.string(),
          }),
        ),
      })
      .nullable()
      .openapi({ description: 'What it tries in vain, the longest first. null: none runs.' }),
  })
  .openapi('Status')

/** Whether the caller wants to hear the end of it. */
const wait = z.boolean().default(true).openapi({ description: 'false: answer 202 at once.' })

export const syncRequest = z
  .strictObject({
    accept: z
      .array(z.string().regex(/^[\w-]{1,64}$/))
      .max(100)
      .default([])
      .openapi({ description: 'Ids of what the guard withholds.' }),
    wait,
  })
  .openapi('SyncRequest')

export const syncAnswer = z.looseObject({ status: z.string() }).openapi('Sync', {
  description: 'What `tipline sync --json` answers.',
})

export const backscanRequest = z
  .strictObject({
    since: z
      .string()
      .max(16)
      .refine((text) => Number.isFinite(parseDuration(text) ?? Number.NaN), {
        error: 'expected a duration such as 12h, 7d or 30d',
      })
      .default('30d'),
    value: value.optional().openapi({ description: 'Only indicators of this address or net.' }),
    wait,
  })
  .openapi('BackscanRequest')

export const backscanAnswer = z
  .object({
    indicators: z.number().int(),
    slices: z.number().int(),
    hits: z.number().int(),
  })
  .openapi('Backscan')

export const started = z.object({ status: z.literal('started') }).openapi('Started')

export const sessionAnswer = z
  .object({
    name: z.string().openapi({ description: "The token's; `local` where none is needed." }),
    scope: z.enum(SCOPES),
    login: z.boolean().openapi({ description: 'Whether there is something to log out of.' }),
  })
  .openapi('Session')
