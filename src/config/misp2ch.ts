/** misp2ch's own INI file, read as it is: its meaning, none of its faults. */
import { z } from 'zod'
import { parseTableName } from '../clickhouse/names.js'
import { legacyPolicySettings } from '../policy/settings.js'
import type { Draft } from './draft.js'
import { formatProblem } from './format.js'
import type { IniData, ParsedIni } from './ini.js'
import { nearest } from './nearest.js'
import type { LocatedProblem, Path } from './path.js'
import { legacyDataDir } from './place.js'
import { tellProblems } from './problems.js'
import { collectSecrets } from './secrets.js'

/** The only type that it ever asked for. */
const TYPE = 'ip-dst|port'
/** Where it always went. */
const SERVER = 'http://localhost:8123'

const flag = z
  .string()
  .regex(/^(1|yes|true|on|0|no|false|off)$/i, 'expected true or false')
  .transform((text) => /^(1|yes|true|on)$/i.test(text))

const table = z
  .string()
  .refine(
    (text) => parseTableName(text) !== null,
    'expected database.table, of letters, digits and "_"',
  )

const json = z.string().transform((text, context) => {
  const parsed = parsedJson(text)
  if (parsed) return parsed
  context.addIssue({ code: 'custom', message: 'expected a JSON object such as {"last": "3d"}' })
  return z.NEVER
})

const mispSection = z.object(
  {
    misp_fqdn: z
      .string({ error: 'missing; expected the domain name of the MISP' })
      // It was put behind https:// as it is, so a port worked too.
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(:\d{1,5})?$/,
        'expected a domain name, without https://',
      ),
    token: z.string({ error: 'missing; expected an API key' }).min(1, 'expected an API key'),
    verify_tls: flag.default(true),
    json_req: json.default({}),
  },
  { error: 'missing; expected a section [misp] with misp_fqdn and token' },
)

const schema = z.object({
  misp: mispSection,
  clickhouse: z
    .object({
      ch_db_iocs: table.optional(),
      /** As its first versions called it. */
      ch_db_tbl: table.optional(),
      ch_db_hits: table.default('nfsen.ioc_hits'),
      ch_db_flows: table.default('nfsen.flows'),
      remove_old: flag.default(true),
      backscan: z
        .string()
        .regex(/^\d{1,5}$/, 'expected a number of days')
        .default('0'),
    })
    .prefault({}),
})

type Legacy = z.output<typeof schema>

/** What it set whatever the file said, and what names the answer's form. */
const FORCED = ['returnFormat', 'type', 'to_ids']

export function readMisp2ch(parsed: ParsedIni & { ok: true }, file: string): Draft {
  const { tree } = parsed
  const data = trimmed(parsed.data)
  const result = schema.safeParse(data)
  const hidden = collectSecrets(data)
  const unknown = unknownKeys(data)
  const told = tellProblems(unknown, { tree, secrets: hidden })
  return {
    format: 'misp2ch',
    tree,
    data: result.success ? translate(result.data, file) : undefined,
    // What is missing may be there under a name that was mistyped.
    problems: result.success
      ? parsed.problems
      : [...parsed.problems, ...result.error.issues.map(asProblem), ...unknown],
    warnings: told.map((problem) => formatProblem(file, problem)),
    notes: result.success ? notes(result.data) : [],
    hidden,
    origin,
  }
}

/** No value of these means its line breaks, and a key in a header must have none. */
function trimmed(data: IniData): IniData {
  const each = (options: Readonly<Record<string, string>>) =>
    Object.entries(options).map(([key, value]) => [key, value.trim()])
  return Object.fromEntries(
    Object.entries(data).map(([name, options]) => [name, Object.fromEntries(each(options))]),
  )
}

function asProblem({ path, message }: z.core.$ZodIssue): LocatedProblem {
  return { path: path.map((step) => (typeof step === 'number' ? step : String(step))), message }
}

function unknownKeys(data: IniData): LocatedProblem[] {
  const known: Readonly<Record<string, readonly string[]>> = {
    misp: Object.keys(mispSection.shape),
    clickhouse: CLICKHOUSE_KEYS,
  }
  return Object.entries(data).flatMap(([section, options]) => {
    const keys = known[section]
    if (!keys) return [ignored('section', [section], Object.keys(known))]
    return Object.keys(options)
      .filter((key) => !keys.includes(key))
      .map((key) => ignored('key', [section, key], keys))
  })
}

function ignored(what: string, path: Path, known: readonly string[]): LocatedProblem {
  const meant = nearest(String(path.at(-1)), known)
  const hint = meant === undefined ? {} : { hint: `did you mean "${meant}"?` }
  return { path, message: `unknown ${what}, ignored`, atKey: true, ...hint }
}

const CLICKHOUSE_KEYS = [
  'ch_db_iocs',
  'ch_db_tbl',
  'ch_db_hits',
  'ch_db_flows',
  'remove_old',
  'backscan',
]

function notes({ misp: { json_req }, clickhouse }: Legacy): string[] {
  const forced = FORCED.filter((key) => key in json_req)
  return [
    ...(forced.length > 0 ? [`${forced.join(', ')} in json_req: misp2ch set them itself`] : []),
    ...(clickhouse.remove_old ? [] : ['remove_old = False: rows of revoked indicators stay']),
  ]
}

function translate({ misp, clickhouse }: Legacy, file: string): unknown {
  const search = Object.fromEntries(
    Object.entries(misp.json_req).filter(([key]) => !FORCED.includes(key)),
  )
  return {
    data_dir: legacyDataDir(file),
    sources: [
      {
        name: misp.misp_fqdn,
        type: 'misp',
        url: `https://${misp.misp_fqdn}`,
        key: misp.token,
        ignore_cert_errors: !misp.verify_tls,
        filters: { types: [TYPE], published: 'any' },
        search: { ...search, to_ids: 1 },
      },
    ],
    sinks: {
      clickhouse: {
        url: SERVER,
        tables: {
          iocs: clickhouse.ch_db_iocs ?? clickhouse.ch_db_tbl ?? 'nfsen.iocs',
          hits: clickhouse.ch_db_hits,
          flows: clickhouse.ch_db_flows,
        },
        keep_old: !clickhouse.remove_old,
        ...(Number(clickhouse.backscan) > 0 && { backscan: `${Number(clickhouse.backscan)}d` }),
      },
    },
    policy: legacyPolicySettings,
  }
}

function parsedJson(text: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text)
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    return isObject ? (parsed as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** Longest first. */
const ORIGINS: readonly (readonly [Path, Path])[] = [
  [
    ['sources', 0, 'key'],
    ['misp', 'token'],
  ],
  [
    ['sources', 0, 'search'],
    ['misp', 'json_req'],
  ],
  [
    ['sinks', 'clickhouse', 'backscan'],
    ['clickhouse', 'backscan'],
  ],
  [
    ['sinks', 'clickhouse', 'tables', 'iocs'],
    ['clickhouse', 'ch_db_iocs'],
  ],
  [['sources'], ['misp', 'misp_fqdn']],
  [['sinks'], ['clickhouse']],
]

function origin(path: Path): Path {
  const known = ORIGINS.find(([ours]) => ours.every((step, depth) => step === path[depth]))
  return known?.[1] ?? []
}

/** What the migrated config says of values that its reader might wonder about. */
export const MISP2CH_COMMENTS: readonly (readonly [Path, string])[] = [
  [['sources', 0, 'name'], 'stands in the column `misp`'],
  [['sources', 0, 'search'], 'json_req'],
  [['policy', 'max_tlp'], 'it knew neither TLP nor age'],
]
