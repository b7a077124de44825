/** What the config says of a source. Durations stay strings here: `30s`, `5m`, `12h`, `3d`. */
import { Cron } from 'croner'
import { z } from 'zod'
import { MATCHABLE_TYPES, typeEntry } from '../indicators/types.js'
import { parseIso } from '../time.js'

const DURATION = 'expected a duration such as 30s, 5m, 12h or 3d'
const duration = z.string().regex(/^\d{1,9}[smhd]$/, DURATION)
/** Nobody is to be asked without a pause. */
const interval = duration.refine((text) => /[1-9]/.test(text), 'expected 1s or more')

const cron = z
  .strictObject({
    cron: z
      .string()
      .refine(isCron, 'expected five fields as cron has them, such as "*/5 * * * *"')
      .describe('Minute, hour, day of month, month, day of week.'),
    time_zone: z
      .string()
      .refine(isTimeZone, 'expected the name of a time zone, such as Europe/Amsterdam')
      .default('UTC')
      .describe('In which the fields are meant.'),
  })
  .describe('A calendar in place of an interval.')

const schedule = z.union([interval, cron])

/** An interval such as `60s`, or a calendar. */
export type Schedule = z.output<typeof schedule>

const httpUrl = z.string().refine(isHttpUrl, 'expected a URL that begins with https:// or http://')

const name = z
  .string()
  // A port, as in misp2ch's `misp_fqdn`, whose rows are known by it.
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(:\d{1,5})?$/,
    'expected letters, digits, ".", "_" and "-" only',
  )
  .describe(
    'What the source is called in the ledger, in hits and in the log. Renaming makes it another source.',
  )

const caFile = z
  .string()
  .min(1)
  .describe(
    "A file with the certificates, in PEM form, of the authority that signed the server's certificate. Trusted instead of the public authorities.",
  )

const ignoreCertErrors = z
  .boolean()
  .default(false)
  .describe(
    'Take any certificate. Unsafe: whoever is in between can read the key and forge indicators. Warned of at each start.',
  )

const proxy = z
  .string()
  .refine((text) => text === '' || isHttpUrl(text), {
    error: 'expected a URL such as http://proxy.example.org:3128, or "" for none',
  })
  .describe(
    'A proxy\'s URL, or "" for none. Default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment.',
  )

// 0 would mean to undici that it waits for ever.
const timeout = interval
  .default('120s')
  .describe('How long an answer may take to begin, and to pause in the middle.')

const tags = z
  .array(z.string().min(1))
  .describe(
    'Event or attribute tags, as MISP filters them: "tlp:%" any that begin so, "!tlp:red" without it.',
  )

const toIds = z
  .boolean()
  .default(true)
  .describe('Only attributes that are marked for detection (to_ids).')

const mispFilters = z.strictObject({
  tags: tags.optional(),
  published: z
    .union([z.literal(true), z.literal('any')])
    .default(true)
    .describe('true: published events; any: unpublished ones too.'),
  to_ids: toIds,
  types: z
    .array(z.string().superRefine(refuseUnmatchable))
    .optional()
    .describe(
      'Only attributes of these MISP types, e.g. ip-dst. Default: every type that can be matched.',
    ),
  since: z
    .string()
    .regex(
      /^(\d{1,9}[smhd]|\d{1,10}|\d{4}-\d\d-\d\d)$/,
      'expected a duration such as 30d, a date such as 2026-01-31, or epoch seconds',
    )
    .refine(isInCalendar, 'expected a date that the calendar has')
    .optional()
    .describe(
      'Load only what changed or was published within this time, or since this date. What was loaded does not age out.',
    ),
})

/** The levels of policy/tlp.ts, which is no part of MISP's wire. */
const TLP = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const

/** What zeromq can connect to: it throws at any other. The path of a socket is short, as the system has it. */
const ZMQ_ADDRESS =
  /^(tcp:\/\/([\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[1-9]\d{0,4}|ipc:\/\/\S{1,100})$/

const sightings = z
  .strictObject({
    every: duration
      .default('1h')
      .describe('Hits of one attribute within this time become one sighting.'),
    source: z
      .string()
      .min(1)
      .max(200)
      .default('tipline')
      .describe('What MISP shows as the source of a sighting, e.g. tipline@soc.example.org.'),
    max_tlp: z.enum(TLP).default('amber').describe('Of stricter attributes nothing is told.'),
    per_hour: z.int().min(1).max(100_000).default(1000).describe('At most so many in an hour.'),
    false_positives: z
      .boolean()
      .default(false)
      .describe('Also tell MISP of hits that were marked as false positives (type 1).'),
  })
  .describe(
    'Tell this MISP which of its attributes were met. Off where it is absent. The key needs perm_sighting, which a read-only key has not.',
  )

export const mispSourceSettings = z
  .strictObject({
    name,
    type: z.literal('misp').default('misp').describe('A MISP, read through its REST API.'),
    url: httpUrl.describe('The root of the MISP, e.g. https://misp.example.org'),
    key: z
      .string()
      .min(1)
      .optional()
      .describe('The API key; best taken from the environment. A read-only key is enough.'),
    key_file: z.string().min(1).optional().describe('A file that holds the API key.'),
    ca_file: caFile.optional(),
    ignore_cert_errors: ignoreCertErrors,
    proxy: proxy.optional(),
    page_size: z
      .int()
      .min(100)
      .max(100_000)
      .default(10_000)
      .describe(
        'Attributes asked for at once. Made smaller by itself while the MISP can not manage.',
      ),
    requests: z
      .int()
      .min(1)
      .max(8)
      .default(2)
      .describe(
        'Requests for attributes that may be under way at once in a large pull. One after the other while the MISP can not manage.',
      ),
    timeout,
    filters: mispFilters.prefault({}).describe('Which attributes are taken.'),
    search: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        'A raw restSearch filter, in place of `filters`. The whole answer is then the wanted state of this source.',
      ),
    every: schedule
      .default('60s')
      .describe('How often `tipline run` asks: a duration, or `{ cron, time_zone }`.'),
    absent_grace: duration
      .default('1h')
      .describe('How long an event may be missing from the MISP before `tipline run` revokes it.'),
    sightings: sightings.optional(),
    zmq: z
      .string()
      .regex(ZMQ_ADDRESS, 'expected an address such as tcp://misp.example:50000')
      .optional()
      .describe(
        "The MISP's ZMQ channel: `tipline run` then hears of a change within seconds. Takes the package zeromq. It is asked all the same.",
      ),
    link: httpUrl
      .optional()
      .describe("The MISP's address for people, for links to events. Default: `url`."),
  })
  .refine((source) => (source.key === undefined) !== (source.key_file === undefined), {
    error: 'expected either key or key_file',
    path: ['key'],
  })
  .superRefine(refuseFiltersBesideSearch)

export const feedSourceSettings = z
  .strictObject({
    name,
    type: z.literal('feed').describe('A MISP feed: a folder or a URL with manifest.json.'),
    path: z.string().min(1).optional().describe('The folder that holds manifest.json.'),
    url: httpUrl.optional().describe('The URL of the folder that holds manifest.json.'),
    headers: z
      .record(z.string(), z.string())
      .optional()
      .describe('Headers to send, e.g. Authorization; best from the environment.'),
    ca_file: caFile.optional(),
    ignore_cert_errors: ignoreCertErrors,
    proxy: proxy.optional(),
    timeout,
    filters: z
      .strictObject({ tags: tags.optional(), to_ids: toIds })
      .prefault({})
      .describe('Which attributes are taken.'),
    every: schedule
      .default('1h')
      .describe('How often `tipline run` reads it: a duration, or `{ cron, time_zone }`.'),
  })
  .refine((source) => (source.path === undefined) !== (source.url === undefined), {
    error: 'expected either path or url',
    path: ['url'],
  })

export type MispSourceSettings = z.infer<typeof mispSourceSettings>
export type FeedSourceSettings = z.infer<typeof feedSourceSettings>

/** Of texts that look like a date. */
function isInCalendar(text: string): boolean {
  return !text.includes('-') || parseIso(text) !== null
}

/** Nothing would ever come of such a type, and nobody would be told. */
function refuseUnmatchable(type: string, context: z.core.$RefinementCtx): void {
  const entry = typeEntry(type)
  if (entry?.matchable) return
  const message = entry
    ? `nothing is matched with ${type}: ${entry.reason}`
    : `${JSON.stringify(type)} is no type that is matched (docs/reference/types.md lists them)`
  const params = { wrote: type, known: entry ? [] : MATCHABLE_TYPES }
  context.addIssue({ code: 'custom', message, params })
}

/** What `search` says is the whole filter: these would let through what they seem to keep out. */
function refuseFiltersBesideSearch(
  { search, filters }: { search?: object | undefined; filters: z.output<typeof mispFilters> },
  context: z.core.$RefinementCtx,
): void {
  for (const key of ['tags', 'since'] as const) {
    if (search === undefined || filters[key] === undefined) continue
    const message = 'stands beside `search`, which takes the place of filters: put it in there'
    context.addIssue({
      code: 'custom',
      path: ['filters', key],
      message,
      params: { wrote: '', known: [] },
    })
  }
}

function isCron(text: string): boolean {
  try {
    return new Cron(text, { paused: true, mode: '5-part' }).nextRun() !== null
  } catch {
    return false
  }
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }) !== null
  } catch {
    return false
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
