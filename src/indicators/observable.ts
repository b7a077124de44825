/**
 * What a person pastes, read as everything it might be: the lookup keys under which the ledger may know
 * it. Nets that enclose an address are not listed, the ledger finds those itself.
 */
import { email, eppn, messageId } from './email.js'
import { HASH_LENGTHS } from './hashes.js'
import type { Meaning, Normalisation, Space } from './indicator.js'
import { ip, ipPort } from './ip.js'
import { hostname, hostnamePort, selfAndParents } from './names.js'
import { NORMALISERS, type NormaliserName } from './normalisers.js'
import { faultOfText } from './text.js'
import { hostOf, url } from './url.js'

export interface Candidate {
  readonly space: Space
  /** Normalised. */
  readonly value: string
  /** What the person said of the port; 0 where nothing. */
  readonly port: number
}

/** One of the things that a text might be. */
export interface Reading extends Candidate {
  /** The text itself means it; else it is its host, or a domain that is above. */
  readonly exact: boolean
}

/** Most specific first, none twice. Empty for blank text. */
export function candidates(text: string): readonly Reading[] {
  const trimmed = text.trim()
  return withoutDoubles(asAddress(trimmed) ?? asAnything(trimmed))
}

/** Only what the text itself means: holding a name must not hold its parents. */
export function exactCandidates(text: string): readonly Candidate[] {
  const exact = candidates(text).filter(({ exact }) => exact)
  return exact.map(({ space, value, port }) => ({ space, value, port }))
}

/** An address, with or without a port, or a network: hardly anything else looks like one. */
function asAddress(text: string): Reading[] | null {
  if (!ADDRESS_LETTERS.test(text)) return null
  const meanings = found(ip(text)) ?? (MAYBE_PORT.test(text) ? found(ipPort(text)) : null)
  if (meanings === null) return null
  const eui = EUI_64.test(text) ? (found(NORMALISERS.mac(text)) ?? []) : []
  return [...meanings, ...eui].map(exactly)
}

/** Digits and what stands between them, the marks of defanging included: `[.]`, `(dot)`, `[at]`. */
const ADDRESS_LETTERS = /^[0-9a-fot:.|/[\](){}@\s]+$/i

/** Eight octets are IPv6, too. */
const EUI_64 = /^(?:[0-9a-f]{2}:){7}[0-9a-f]{2}$/i

/** Nothing else has a port. */
const MAYBE_PORT = /[|:]/

function asAnything(text: string): Reading[] {
  const urls = asUrl(text)
  const mails = asEmail(text)
  // `python.tool/1.0` and `folder.d/dropper.exe` only look like a URL whose scheme was left out.
  const isCertain = mails.length > 0 || (urls.length > 0 && text.includes(':'))
  return [...urls, ...mails, ...(isCertain ? [] : asOthers(text))]
}

function asUrl(text: string): Reading[] {
  const meanings = text.includes('/') ? found(url(text)) : null
  if (meanings === null) return []
  return [...meanings.map(exactly), ...around(hostOf(meanings[0]?.value ?? ''))]
}

/** Nothing else can be one; not to be read three times for each host that is asked for. */
const MAYBE_EMAIL = /@|[[({]at[\])}]/i

function asEmail(text: string): Reading[] {
  if (!MAYBE_EMAIL.test(text)) return []
  const meanings = [email, eppn, messageId].flatMap((read) => found(read(text)) ?? [])
  const domain = meanings[0]?.value.split('@')[1]
  if (domain === undefined) return []
  return [...meanings.map(exactly), ...around(domain)]
}

function around(name: string): Reading[] {
  return asName(name).map((reading) => ({ ...reading, exact: false }))
}

/** The name itself exactly, then as a domain, with each of its parents. */
function asName(text: string): Reading[] {
  const withPort = () => (MAYBE_PORT.test(text) ? found(hostnamePort(text)) : null)
  const [meaning] = found(hostname(text)) ?? withPort() ?? []
  if (meaning === undefined) return []
  if (meaning.space === 'ip') return [exactly(meaning)]
  const { port } = meaning
  const domains = selfAndParents(meaning.value).map((value) => {
    return { space: 'domain', value, port, exact: value === meaning.value }
  })
  return meaning.space === 'hostname' ? [exactly(meaning), ...domains] : domains
}

/** `dropper.exe` is a valid host name, a digest may be the name of a mutex: these may be several. */
function asOthers(text: string): Reading[] {
  const all = HEXADECIMAL.test(text) ? asDigest(text) : []
  for (const name of namesByShape(text)) addTo(all, NORMALISERS[name](text))
  all.push(...asName(text))
  all.push(...asFreeText(text))
  addTo(all, NORMALISERS['mobile-application-id'](text))
  return all
}

/** Every hash of its length. */
function asDigest(text: string): Reading[] {
  const value = text.toLowerCase()
  return (HASHES.get(text.length) ?? []).map((space) => exactly({ space, value, port: 0 }))
}

/** By how many hexadecimal digits they have. */
const HASHES: ReadonlyMap<number, readonly Space[]> = hashesByLength()

function hashesByLength(): Map<number, Space[]> {
  const found = new Map<number, Space[]>()
  for (const [space, lengths] of Object.entries(HASH_LENGTHS)) {
    for (const length of lengths) found.set(length, [...(found.get(length) ?? []), space])
  }
  return found
}

function asFreeText(text: string): Reading[] {
  const all: Reading[] = []
  const isSound = faultOfText(text) === undefined
  if (isSound) all.push(exactly({ space: 'filename', value: text, port: 0 }))
  const base = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1)
  if (base !== text) addTo(all, NORMALISERS.filename(base))
  if (isSound) for (const space of TEXT_SPACES) all.push(exactly({ space, value: text, port: 0 }))
  return all
}

const TEXT_SPACES: readonly Space[] = ['user-agent', 'regkey', 'mutex', 'named-pipe']

function addTo(all: Reading[], normalisation: Normalisation): void {
  if (normalisation.ok) for (const meaning of normalisation.meanings) all.push(exactly(meaning))
}

/** What a text may be, by its letters alone: to try everything on each name would take most of the time. */
function namesByShape(text: string): readonly NormaliserName[] {
  if (HEXADECIMAL.test(text)) return DIGITS_NAMES.get(text.length) ?? []
  if (SEPARATED.test(text)) return SEPARATED_NAMES
  if (PREFIXED.test(text)) return PREFIXED_NAMES
  return text.length === 32 ? LETTERS_NAMES : []
}

const HEXADECIMAL = /^[0-9a-f]+$/i
const SEPARATED = /^[0-9a-f:.\- {}]+$/i
const PREFIXED = /^(?:1|SHA256|MD5):/i
const SEPARATED_NAMES: readonly NormaliserName[] = [
  'x509-md5',
  'x509-sha1',
  'x509-sha256',
  'ssh-fingerprint',
  'azure-application-id',
  'mac',
]
const PREFIXED_NAMES: readonly NormaliserName[] = ['ssh-fingerprint', 'community-id']
const LETTERS_NAMES: readonly NormaliserName[] = ['chrome-extension-id']

/** By how many hexadecimal digits they have; beside the hashes. */
const DIGITS_NAMES: ReadonlyMap<number, readonly NormaliserName[]> = new Map([
  [12, ['mac']],
  [16, ['mac']],
  [32, ['ssh-fingerprint', 'chrome-extension-id']],
])

function found(normalisation: Normalisation): readonly Meaning[] | null {
  return normalisation.ok ? normalisation.meanings : null
}

function exactly({ space, value, port }: Candidate): Reading {
  return { space, value, port, exact: true }
}

/** There are few, most of them of spaces of their own. */
function withoutDoubles(all: readonly Reading[]): Reading[] {
  const kept: Reading[] = []
  for (const one of all) if (!isAmong(kept, one)) kept.push(one)
  return kept
}

function isAmong(kept: readonly Reading[], { space, value }: Reading): boolean {
  for (const each of kept) if (each.space === space && each.value === value) return true
  return false
}
