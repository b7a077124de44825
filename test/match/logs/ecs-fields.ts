/**
 * ECS 8.12's own fields of `threat.enrichments[]` and their types in Elasticsearch, from
 * generated/csv/fields.csv of elastic/ecs; without those of ELF, PE sections, signatures and X.509.
 */
const TYPES = {
  ip: ['indicator.ip'],
  long: ['indicator.port', 'indicator.scanner_stats', 'indicator.sightings', 'indicator.url.port'],
  date: [
    'indicator.first_seen',
    'indicator.last_seen',
    'indicator.modified_at',
    'matched.occurred',
  ],
  wildcard: ['indicator.url.full', 'indicator.url.original', 'indicator.url.path'],
  keyword: [
    ...['confidence', 'description', 'email.address', 'marking.tlp', 'marking.tlp_version', 'name'],
    ...['provider', 'reference', 'type', 'file.name', 'file.path', 'file.pe.imphash'],
    ...['file.pe.pehash', 'registry.hive', 'registry.key', 'registry.path', 'registry.value'],
    ...['cdhash', 'md5', 'sha1', 'sha256', 'sha384', 'sha512', 'ssdeep', 'tlsh'].map(
      (hash) => `file.hash.${hash}`,
    ),
    ...['domain', 'extension', 'fragment', 'query', 'scheme'].map((part) => `url.${part}`),
  ]
    .map((name) => `indicator.${name}`)
    .concat(['matched.atomic', 'matched.field', 'matched.id', 'matched.index', 'matched.type']),
} as const

export type EcsType = keyof typeof TYPES

export const ENRICHMENT_FIELDS: ReadonlyMap<string, EcsType> = new Map(
  Object.entries(TYPES).flatMap(([type, names]) =>
    names.map((name): [string, EcsType] => [name, type as EcsType]),
  ),
)

/** Expected values of `indicator.type`. */
export const INDICATOR_TYPES = [
  ...['autonomous-system', 'artifact', 'directory', 'domain-name', 'email-addr', 'file'],
  ...['ipv4-addr', 'ipv6-addr', 'mac-addr', 'mutex', 'port', 'process', 'software', 'url'],
  ...['user-account', 'windows-registry-key', 'x509-certificate'],
]

/** Expected values of `indicator.confidence` and `indicator.marking.tlp`. */
export const CONFIDENCES = ['Not Specified', 'None', 'Low', 'Medium', 'High']
export const MARKINGS = ['WHITE', 'CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED']
