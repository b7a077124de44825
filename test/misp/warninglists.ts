/**
 * MISP's warninglists, as far as attributes/restSearch and /warninglists use them: the five types
 * (cidr, hostname, string, substring, regex), each for the attribute types it names.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

export interface Warninglist {
  readonly id: number
  readonly name: string
  readonly type: 'cidr' | 'hostname' | 'string' | 'substring' | 'regex'
  readonly description: string
  readonly version: string
  readonly enabled: boolean
  readonly category: 'false_positive' | 'known'
  readonly entries: readonly string[]
  readonly valid_attributes: readonly string[]
}

export interface Warning {
  readonly match: string
  readonly value: string
  readonly warninglist_id: string
  readonly warninglist_name: string
  readonly warninglist_category: string
}

const IP_TYPES = ['ip-src', 'ip-dst', 'domain|ip', 'ip-src|port', 'ip-dst|port']
const NAME_TYPES = ['domain', 'hostname', 'domain|ip', 'hostname|port', 'url']

export const DEFAULT_WARNINGLISTS: readonly Warninglist[] = [
  {
    id: 1,
    name: 'List of documentation resolvers',
    type: 'cidr',
    description: 'Resolvers that only exist in documentation',
    version: '20261101',
    enabled: true,
    category: 'false_positive',
    entries: ['192.0.2.53/32', '192.0.2.248/29', '2001:db8:53::/48'],
    valid_attributes: IP_TYPES,
  },
  {
    id: 2,
    name: 'Top names of the documentation',
    type: 'hostname',
    description: 'Names that everybody asks for',
    version: '20261102',
    enabled: true,
    category: 'false_positive',
    entries: ['www.example.com', 'cdn.example.net'],
    valid_attributes: NAME_TYPES,
  },
  {
    id: 3,
    name: 'List of known hashes for empty files',
    type: 'string',
    description: 'Event contains one or more entries of empty files based on file hash',
    version: '1',
    enabled: true,
    category: 'false_positive',
    entries: ['d41d8cd98f00b204e9800998ecf8427e', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    valid_attributes: ['md5', 'sha1', 'filename|md5', 'filename|sha1'],
  },
  {
    id: 4,
    name: 'Words of the documentation',
    type: 'substring',
    description: 'A list that is not enabled',
    version: '3',
    enabled: false,
    category: 'known',
    entries: ['example'],
    valid_attributes: ['domain', 'url'],
  },
]

/** The enabled lists' warnings about one attribute; empty when there are none. */
export function warningsFor(
  lists: readonly Warninglist[],
  attribute: { readonly type: string; readonly value: string },
): Warning[] {
  const warnings: Warning[] = []
  for (const list of lists) {
    if (!list.enabled || !list.valid_attributes.includes(attribute.type)) continue
    for (const value of attribute.value.split('|')) {
      for (const entry of list.entries) {
        if (matches(list.type, entry, value)) warnings.push(warning({ list, match: entry, value }))
      }
    }
  }
  return warnings
}

function warning(found: { list: Warninglist; match: string; value: string }): Warning {
  const { list, match, value } = found
  return {
    match,
    value,
    warninglist_id: String(list.id),
    warninglist_name: list.name,
    warninglist_category: list.category,
  }
}

function matches(type: Warninglist['type'], entry: string, value: string): boolean {
  switch (type) {
    case 'cidr':
      return inNet(entry, value)
    case 'hostname':
      return hostOf(value) === entry || hostOf(value).endsWith(`.${entry}`)
    case 'string':
      return value === entry
    case 'substring':
      return value.includes(entry)
    case 'regex':
      return new RegExp(entry.replace(/^\/(.*)\/i?$/, '$1'), 'i').test(value)
  }
}

function hostOf(value: string): string {
  return value.replace(/^[a-z]+:\/\//i, '').replace(/[/:?#].*$/s, '')
}

function inNet(net: string, value: string): boolean {
  const address = value.split('/')[0]!
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
  if (!family || net.includes(':') !== (family === 'ipv6')) return false
  const [start, length] = net.split('/') as [string, string]
  const block = new BlockList()
  block.addSubnet(start, Number(length), family)
  return block.check(address, family)
}

/** The answer to GET /warninglists and /warninglists/index, newest first as MISP lists them. */
export function warninglistIndex(lists: readonly Warninglist[]): unknown {
  const newest = [...lists].sort((a, b) => b.id - a.id)
  return {
    Warninglists: newest.map((list) => ({
      Warninglist: {
        ...head(list),
        warninglist_entry_count: String(list.entries.length),
        valid_attributes: list.valid_attributes.join(', '),
      },
    })),
  }
}

/** The answer to GET /warninglists/view/ID. */
export function warninglistView(list: Warninglist): unknown {
  return {
    Warninglist: {
      ...head(list),
      WarninglistEntry: list.entries.map((value, i) => ({
        id: String(list.id * 1000 + i),
        value,
        warninglist_id: String(list.id),
        comment: null,
      })),
      WarninglistType: list.valid_attributes.map((type, i) => ({
        id: String(list.id * 100 + i),
        type,
        warninglist_id: String(list.id),
      })),
    },
  }
}

function head(list: Warninglist) {
  return {
    id: String(list.id),
    name: list.name,
    type: list.type,
    description: list.description,
    version: list.version,
    enabled: list.enabled,
    default: true,
    category: list.category,
  }
}
