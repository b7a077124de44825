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

/** An address, with or without a port, or a network: nothing else looks like one. */
function asAddress(text: string): Reading[] | null {
  const meanings = found(ip(text)) ?? found(ipPort(text))
  return meanings === null ? null : meanings.map(exactly)
}

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
  const [meaning] = found(hostname(text)) ?? found(hostnamePort(text)) ?? []
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
  const digests = HEXADECIMAL.test(text) ? (DIGESTS.get(text.length) ?? []) : []
  const exact = [...digests, ...EXACT].flatMap((name) => found(NORMALISERS[name](text)) ?? [])
  return [...exact.map(exactly), ...asName(text), ...asText(text)]
}

const HEXADECIMAL = /^[0-9a-f]+$/i

/** By how many digits they have. */
const DIGESTS: ReadonlyMap<number, readonly NormaliserName[]> = digestsByLength()

function digestsByLength(): Map<number, NormaliserName[]> {
  const found = new Map<number, NormaliserName[]>()
  for (const [name, lengths] of Object.entries(HASH_LENGTHS)) {
    // One is named otherwise, for it may have colons: see below.
    if (!(name in NORMALISERS)) continue
    for (const length of lengths) {
      found.set(length, [...(found.get(length) ?? []), name as NormaliserName])
    }
  }
  return found
}

const EXACT: readonly NormaliserName[] = [
  'x509-md5',
  'x509-sha1',
  'x509-sha256',
  'ssh-fingerprint',
  'community-id',
  'azure-application-id',
  'chrome-extension-id',
  'mac',
]

const TEXT: readonly NormaliserName[] = ['user-agent', 'regkey', 'mutex', 'named-pipe']

function asText(text: string): Reading[] {
  const base = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1)
  const files = [text, base].map((name) => NORMALISERS.filename(name))
  const others = TEXT.map((name) => NORMALISERS[name](text))
  const applications = NORMALISERS['mobile-application-id'](text)
  return [...files, ...others, applications].flatMap((one) => found(one) ?? []).map(exactly)
}

function found(normalisation: Normalisation): readonly Meaning[] | null {
  return normalisation.ok ? normalisation.meanings : null
}

function exactly({ space, value, port }: Candidate): Reading {
  return { space, value, port, exact: true }
}

function withoutDoubles(all: readonly Reading[]): Reading[] {
  const seen = new Set<string>()
  return all.filter(({ space, value }) => {
    const key = `${space}:${value}`
    return seen.has(key) ? false : seen.add(key)
  })
}
