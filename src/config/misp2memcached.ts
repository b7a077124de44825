/**
 * MISP2memcached's own `config.yml`, read as it is: its meaning, none of its faults. It expired all
 * groups by the setting of `hash`; here each group has its own.
 */
import { z } from 'zod'
import { legacyPolicySettings } from '../policy/settings.js'
import { addressText } from '../sinks/memcached/address.js'
import { parseIso } from '../time.js'
import type { Draft } from './draft.js'
import { formatProblem } from './format.js'
import type { JsonSchema } from './keys.js'
import { isRecord, type LocatedProblem, type Path, valueAt } from './path.js'
import { legacyDataDir } from './place.js'
import { problemsOfIssues, tellProblems } from './problems.js'
import { collectSecrets } from './secrets.js'
import { expectation } from './wording.js'
import type { ConfigTree } from './yaml.js'

/** What each of its groups asked MISP for. */
export const GROUP_TYPES = {
  hash: [
    'md5',
    'sha1',
    'sha256',
    'sha512',
    'imphash',
    'filename|md5',
    'filename|sha1',
    'filename|sha256',
    'filename|sha512',
    'filename|imphash',
  ],
  network: ['ip-dst', 'ip-src', 'domain', 'ip-dst|port', 'ip-src|port', 'domain|ip'],
  web: ['url'],
} as const

type Group = keyof typeof GROUP_TYPES
const GROUPS = Object.keys(GROUP_TYPES) as Group[]

/** Scalars arrive as texts; PyYAML reads these words, of any case, as booleans. */
const flag = z
  .string()
  .regex(/^(true|yes|on|1|false|no|off|0)$/i, 'expected true or false')
  .transform((text) => /^(true|yes|on|1)$/i.test(text))

const seconds = z
  .string()
  .regex(/^\d{1,9}$/, 'expected seconds')
  .transform(Number)

const moment = z
  .string()
  .regex(
    /^(\d{1,6}[dhm]|\d{1,10}|\d{4}-\d\d-\d\d)$/,
    'expected a duration such as 365d, 1h or 5m, a date, or epoch seconds',
  )
  .refine((text) => !text.includes('-') || parseIso(text) !== null, 'no such date')

const group = z.strictObject({ enabled: flag, expires: seconds.default(0) })

const legacySchema = z.strictObject({
  memcached: z.strictObject({
    host: z.string().min(1),
    port: z
      .string()
      .regex(/^\d{1,5}$/, 'expected a port number')
      .default('11211')
      .transform(Number),
  }),
  misp: z.strictObject({
    url: z.string().min(1),
    token: z.string().min(1),
    ignore_cert_errors: flag.default(false),
    initial_event_timestamp: moment,
    refresh_event_timestamp: moment.optional(),
  }),
  hash: group,
  network: group,
  web: group,
})

type Legacy = z.output<typeof legacySchema>

/** `tree` with scalars as texts. */
export function readMisp2memcached(tree: ConfigTree, file: string): Draft {
  const { legacy, problems, unknown } = checked(tree.data)
  const hidden = collectSecrets(tree.data)
  const told = tellProblems(unknown, { tree, secrets: hidden })
  return {
    format: 'misp2memcached',
    tree,
    data: legacy && translate(legacy, file),
    problems: legacy ? meaningProblems(legacy) : [...problems, ...unknown],
    warnings: legacy
      ? [...told.map((problem) => formatProblem(file, problem)), ...cautions(legacy)]
      : [],
    notes: legacy ? notes(legacy) : [],
    hidden,
    origin,
  }
}

interface Checked {
  readonly legacy: Legacy | undefined
  readonly problems: readonly LocatedProblem[]
  /** Keys that the old tool did not know either; it ignored them. */
  readonly unknown: readonly LocatedProblem[]
}

function checked(data: unknown): Checked {
  const jsonSchema = (): JsonSchema => z.toJSONSchema(legacySchema, { io: 'input' })
  const parsed = (given: unknown) => legacySchema.safeParse(given, { error: expectation })
  const check = (given: unknown) => parsed(given).error?.issues ?? []
  const isUnknown = ({ code }: z.core.$ZodIssue) => code === 'unrecognized_keys'
  const unknown = problemsOfIssues({
    issues: check(data).filter(isUnknown),
    data,
    check,
    jsonSchema,
  })
  const known = without(data, unknown)
  const result = parsed(known)
  const issues = result.error?.issues ?? []
  const problems = problemsOfIssues({ issues, data: known, check, jsonSchema })
  return { legacy: result.data, problems, unknown }
}

function without(data: unknown, unknown: readonly LocatedProblem[]): unknown {
  const rest = structuredClone(data)
  for (const { path } of unknown) {
    const owner = valueAt(rest, path.slice(0, -1))
    if (isRecord(owner)) delete owner[String(path.at(-1))]
  }
  return rest
}

function meaningProblems(legacy: Legacy): LocatedProblem[] {
  if (GROUPS.some((name) => legacy[name].enabled)) return []
  const message = 'hash, network and web are all switched off, so there is nothing to do'
  return [{ path: ['hash', 'enabled'], message }]
}

function cautions({ misp: { initial_event_timestamp: since } }: Legacy): string[] {
  if (!/^\d{1,8}$/.test(since)) return []
  return [`initial_event_timestamp ${since} is a moment in 1970; was ${since}d meant?`]
}

function notes({ misp, hash, network, web }: Legacy): string[] {
  const { refresh_event_timestamp: refresh } = misp
  return [
    ...(refresh === undefined
      ? []
      : [`refresh_event_timestamp (${refresh}) has no use: each sync compares all events`]),
    ...(network.expires === hash.expires && web.expires === hash.expires
      ? []
      : ['each group expires by its own setting; MISP2memcached took that of hash for all']),
  ]
}

function translate(legacy: Legacy, file: string): unknown {
  const { misp, memcached, hash, network, web } = legacy
  const source = {
    name: 'misp',
    type: 'misp',
    url: misp.url,
    key: misp.token,
    ignore_cert_errors: misp.ignore_cert_errors,
    filters: {
      to_ids: true,
      published: 'any',
      types: GROUPS.flatMap((name) => (legacy[name].enabled ? GROUP_TYPES[name] : [])),
      since: misp.initial_event_timestamp,
    },
  }
  const sink = {
    servers: [addressText(memcached.host, memcached.port)],
    value: 'ids',
    expires: { hash: hash.expires, network: network.expires, web: web.expires },
  }
  return {
    data_dir: legacyDataDir(file),
    sources: [source],
    sinks: { memcached: sink },
    policy: legacyPolicySettings,
  }
}

/** Longest first. */
const ORIGINS: readonly (readonly [Path, Path])[] = [
  [
    ['sources', 0, 'filters', 'since'],
    ['misp', 'initial_event_timestamp'],
  ],
  [
    ['sources', 0, 'url'],
    ['misp', 'url'],
  ],
  [
    ['sources', 0, 'key'],
    ['misp', 'token'],
  ],
  [
    ['sinks', 'memcached', 'servers'],
    ['memcached', 'host'],
  ],
  ...GROUPS.map(
    (name) =>
      [
        ['sinks', 'memcached', 'expires', name],
        [name, 'expires'],
      ] as const,
  ),
  [['sources'], ['misp']],
  [['sinks'], ['memcached']],
]

function origin(path: Path): Path {
  const known = ORIGINS.find(([ours]) => ours.every((step, depth) => step === path[depth]))
  return known?.[1] ?? []
}

/** What the migrated config says of values that its reader might wonder about. */
export const LEGACY_COMMENTS: readonly (readonly [Path, string])[] = [
  [['sources', 0, 'filters', 'published'], 'MISP2memcached took unpublished events too'],
  [['sources', 0, 'filters', 'types'], 'the types of its groups that were switched on'],
  [['sources', 0, 'filters', 'since'], 'initial_event_timestamp'],
  [['sinks', 'memcached', 'value'], 'as its process_ioc.rb reads it'],
  [['policy', 'max_tlp'], 'it knew neither TLP nor age'],
]
