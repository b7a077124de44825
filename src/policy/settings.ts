/** The `policy:` part of the config. Names, defaults and texts here are what the reference shows. */
import { z } from 'zod'
import { OPT_IN_KINDS } from '../indicators/entry.js'
import { KINDS, type KnownKind } from '../indicators/indicator.js'
import { parseRange } from './address.js'
import { limitSetting } from './duration.js'
import { plainName } from './subject.js'
import { TLP_LEVELS } from './tlp.js'

export const LIST_ACTIONS = ['hold', 'label'] as const
export type ListAction = (typeof LIST_ACTIONS)[number]

/** Addresses change hands within months, names within years, the hash of a file never. */
const DEFAULT_AGES: Partial<Record<KnownKind, string>> = {
  ip: '1y',
  net: '1y',
  'ip-port': '1y',
  domain: '2y',
  hostname: '2y',
  url: '2y',
}

type Limit = ReturnType<typeof limitOf>

function limitOf(kind: KnownKind) {
  return limitSetting
    .default(DEFAULT_AGES[kind] ?? 'never')
    .describe(`How long an indicator of kind ${kind} is served.`)
}

const maxAge = z.strictObject(
  Object.fromEntries(KINDS.map((kind) => [kind, limitOf(kind)])) as Record<KnownKind, Limit>,
)

const hostEntry = z
  .string()
  .refine(isHostEntry, 'expected an address, a net (192.0.2.0/24), a domain or an e-mail domain')

export const policySettings = z.strictObject({
  allow: z
    .array(z.string().trim().min(1))
    .default([])
    .describe(
      'Values, nets and domains (with everything below) that are served whatever the rules say. Only a hold by hand is stronger.',
    ),
  own: z
    .array(hostEntry)
    .default([])
    .describe(
      "One's own nets, addresses, domains and e-mail domains. An indicator in them, or around them, is held.",
    ),
  max_tlp: z
    .enum(TLP_LEVELS)
    .default('amber')
    .describe(
      'The strictest TLP that is served: the strictest tag of event and attribute counts, without regard to case. red serves all.',
    ),
  untagged_as: z
    .enum(TLP_LEVELS)
    .default('amber')
    .describe('The TLP of what has no TLP tag at all.'),
  max_age: maxAge
    .prefault({})
    .describe(
      'How long an indicator is served, by kind, from the later of last_seen and timestamp: a duration such as 90d or 1y, or never.',
    ),
  validity: z.boolean().default(true).describe('Hold an indicator once its last_seen has passed.'),
  kinds: z
    .array(z.enum(OPT_IN_KINDS))
    .default([])
    .describe('Kinds to serve that are not served unasked, because they match too much.'),
  widest_net: z
    .strictObject({
      v4: z.int().min(0).max(32).default(16).describe('Shortest IPv4 prefix that is served.'),
      v6: z.int().min(0).max(128).default(32).describe('Shortest IPv6 prefix that is served.'),
    })
    .prefault({})
    .describe('Nets wider than this are held.'),
  lists: z
    .record(z.string(), z.enum(LIST_ACTIONS))
    .default({})
    .describe(
      'What a warninglist does, by its name or file: hold, or only label. Without a word here, lists of category "known" label and all others hold.',
    ),
  lists_folder: z
    .string()
    .min(1)
    .optional()
    .describe('A folder of more lists in the warninglist format of MISP (*.json).'),
  misp_lists: z
    .boolean()
    .default(false)
    .describe('Also use the warninglists that are enabled in the MISP.'),
  shipped_lists: z.boolean().default(true).describe('Use the small lists that come with tipline.'),
})

/** As written in the config, with the defaults filled in. */
export type PolicySettings = z.output<typeof policySettings>

/**
 * Under a config of MISP2memcached or misp2ch: those tools knew neither TLP nor age nor last_seen, and
 * a drop-in must not lose what they served. Holds and screening are on.
 */
export const legacyPolicySettings: PolicySettings = policySettings.parse({
  max_tlp: 'red',
  untagged_as: 'clear',
  validity: false,
  max_age: Object.fromEntries(KINDS.map((kind) => [kind, 'never'])),
})

/** `@example.org` is the way to write an e-mail domain; it stands for the domain. */
export function ownHost(entry: string): string {
  return entry.trim().replace(/^@/, '')
}

function isHostEntry(entry: string): boolean {
  const host = ownHost(entry)
  return parseRange(host) !== null || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(plainName(host))
}
