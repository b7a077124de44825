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

/** `exact`: what the text itself means; `around`: also its host, and the domains that is below. */
type Reach = 'exact' | 'around'

/** Most specific first, none twice. Empty for blank text. */
export function candidates(text: string): readonly Candidate[] {
  return read(text, 'around')
}

/** Only what the text itself means: holding a name must not hold its parents. */
export function exactCandidates(text: string): readonly Candidate[] {
  return read(text, 'exact')
}

function read(text: string, reach: Reach): readonly Candidate[] {
  const trimmed = text.trim()
  return withoutDoubles(asAddress(trimmed) ?? asAnything(trimmed, reach))
}

/** An address, with or without a port, or a network: nothing else looks like one. */
function asAddress(text: string): Candidate[] | null {
  const meanings = found(ip(text)) ?? found(ipPort(text))
  return meanings === null ? null : meanings.map(candidateOf)
}

function asAnything(text: string, reach: Reach): Candidate[] {
  const urls = asUrl(text, reach)
  const mails = asEmail(text, reach)
  // `python.tool/1.0` and `folder.d/dropper.exe` only look like a URL whose scheme was left out.
  const isCertain = mails.length > 0 || (urls.length > 0 && text.includes(':'))
  return [...urls, ...mails, ...(isCertain ? [] : asOthers(text, reach))]
}

function asUrl(text: string, reach: Reach): Candidate[] {
  const meanings = text.includes('/') ? found(url(text)) : null
  if (meanings === null) return []
  if (reach === 'exact') return meanings.map(candidateOf)
  const host = hostOf(meanings[0]?.value ?? '')
  return [...meanings.map(candidateOf), ...asName(host, reach)]
}

function asEmail(text: string, reach: Reach): Candidate[] {
  const meanings = [email, eppn, messageId].flatMap((read) => found(read(text)) ?? [])
  const domain = meanings[0]?.value.split('@')[1]
  if (domain === undefined) return []
  return [...meanings.map(candidateOf), ...(reach === 'exact' ? [] : asName(domain, reach))]
}

/** The name itself exactly, then as a domain, with each of its parents where these are asked for. */
function asName(text: string, reach: Reach): Candidate[] {
  const [meaning] = found(hostname(text)) ?? found(hostnamePort(text)) ?? []
  if (meaning === undefined) return []
  if (meaning.space === 'ip') return [candidateOf(meaning)]
  const names = reach === 'exact' ? [meaning.value] : selfAndParents(meaning.value)
  const domains = names.map((value) => ({
    space: 'domain',
    value,
    port: meaning.port,
  }))
  return meaning.space === 'hostname' ? [candidateOf(meaning), ...domains] : domains
}

/** `dropper.exe` is a valid host name, a digest may be the name of a mutex: these may be several. */
function asOthers(text: string, reach: Reach): Candidate[] {
  const exact = EXACT.flatMap((name) => found(NORMALISERS[name](text)) ?? []).map(candidateOf)
  return [...exact, ...asName(text, reach), ...asText(text)]
}

const HASH_NAMES = Object.keys(HASH_LENGTHS).filter((name) => name in NORMALISERS)

const EXACT: readonly NormaliserName[] = [
  ...(HASH_NAMES as NormaliserName[]),
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

function asText(text: string): Candidate[] {
  const base = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1)
  const files = [text, base].map((name) => NORMALISERS.filename(name))
  const others = TEXT.map((name) => NORMALISERS[name](text))
  const applications = NORMALISERS['mobile-application-id'](text)
  return [...files, ...others, applications].flatMap((one) => found(one) ?? []).map(candidateOf)
}

function found(normalisation: Normalisation): readonly Meaning[] | null {
  return normalisation.ok ? normalisation.meanings : null
}

function candidateOf({ space, value, port }: Candidate): Candidate {
  return { space, value, port }
}

function withoutDoubles(all: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>()
  return all.filter(({ space, value }) => {
    const key = `${space}:${value}`
    return seen.has(key) ? false : seen.add(key)
  })
}
