/** What went wrong with a source, as an error that says what to try. */
import { SourceError, type SourceFault } from '../errors.js'
import { maskSecrets, printable } from '../log.js'
import { isUnsigned, type NetworkFault, signerHint } from '../net.js'

/** Whom an error is about. */
export interface Subject {
  readonly name: string
  readonly kind: 'MISP' | 'feed'
  /** Where it is: host and port, or a folder. */
  readonly place: string
  /** Never to be shown, whoever says them. */
  readonly secrets: readonly string[]
  /** The authority that the config names for it, as the path of a file. */
  readonly caFile?: string | undefined
}

export interface RefusedAnswer {
  readonly status: number
  readonly location: string | undefined
  /** How long it asked to be left alone. */
  readonly retryAfterMs: number | undefined
  readonly contentType: string
  /** The beginning of the body. */
  readonly body: string
}

/** The source asked to be left alone for a while. */
export class RateLimited extends SourceError {
  readonly retryAfterMs: number | undefined

  constructor(facts: SourceFacts & { retryAfterMs: number | undefined }) {
    super({ ...facts, fault: 'rate-limited' })
    this.retryAfterMs = facts.retryAfterMs
  }
}

interface SourceFacts {
  readonly what: string
  readonly hint: string
  readonly source: string
  readonly status: number
}

const EXCERPT_CHARS = 200

/** These may pass by themselves; the others need a hand. */
export function mayPass(fault: SourceFault): boolean {
  return PASSING.has(fault)
}

const PASSING: ReadonlySet<SourceFault> = new Set([
  'unreachable',
  'server-error',
  'rate-limited',
  'cut',
  'timeout',
])

/** An answer with a status other than 200. */
export function statusError(subject: Subject, answer: RefusedAnswer): SourceError {
  const { status } = answer
  const make = (fault: SourceFault, what: string, hint: string): SourceError =>
    new SourceError({
      source: subject.name,
      fault,
      status,
      what: `${called(subject)} ${what}`,
      hint,
    })

  if (status === 401 || status === 403) {
    return make('forbidden', `refused us (HTTP ${status})`, forbiddenHint(subject, answer))
  }
  if (status === 407) {
    return make('forbidden', 'is behind a proxy that refused us (HTTP 407)', PROXY_HINT)
  }
  if (status >= 300 && status < 400) return redirectError(subject, answer)
  if (status === 429) return rateLimited(subject, answer)
  if (status === 408) return make('timeout', 'gave up waiting (HTTP 408)', SLOW_HINT)
  if (status >= 500) return make('server-error', `failed (HTTP ${status})`, failureHint(answer))
  return make(
    'not-misp',
    `has nothing at this address (HTTP ${status})`,
    withVoice(subject, answer.body, wrongPlaceHint(subject, status)),
  )
}

/** A connection that failed, before or while it answered. */
export function connectionError(
  subject: Subject,
  { fault, cause }: { fault: NetworkFault; cause: unknown },
): SourceError {
  const { fault: kind, code } = fault
  const told = CONNECTION[kind]
  return new SourceError({
    source: subject.name,
    fault: kind === 'not-http' ? 'not-misp' : kind,
    what: `${called(subject)} ${told.what} (${code})`,
    hint: kind === 'tls' ? tlsHint(code, subject.caFile) : told.hint,
    cause: cleanCause(subject, cause),
  })
}

/** It answered 200 with a page for people. */
export function pageError(subject: Subject): SourceError {
  return new SourceError({
    source: subject.name,
    fault: 'not-misp',
    status: 200,
    what: `${called(subject)} answered with a web page, not with JSON`,
    hint: `${wrongPlaceHint(subject, 200)} A login page or a proxy may be in between.`,
  })
}

/** JSON that is not what was asked for. `body`: the beginning of it. */
export function shapeError(
  subject: Subject,
  { missing, body }: { missing: string; body: string },
): SourceError {
  return new SourceError({
    source: subject.name,
    fault: 'not-misp',
    what: `${called(subject)} sent JSON without ${missing}`,
    hint: withVoice(subject, body, wrongPlaceHint(subject, 200)),
  })
}

export function cutError(subject: Subject, what: string): SourceError {
  return new SourceError({
    source: subject.name,
    fault: 'cut',
    what: `${called(subject)} ${what}`,
    hint: CUT_HINT,
  })
}

/** More than anything of its kind can have; asking again would bring it again. */
export function oversizeError(
  subject: Subject,
  { thing, maxBytes }: { thing: string; maxBytes: number },
): SourceError {
  return new SourceError({
    source: subject.name,
    fault: 'integrity',
    what: `${called(subject)} has over ${maxBytes} bytes for ${thing}`,
    hint: 'Nothing was changed. Ask whoever runs it what that is.',
  })
}

export function deadlineError(subject: Subject, seconds: number): SourceError {
  return new SourceError({
    source: subject.name,
    fault: 'timeout',
    what: `${called(subject)} was still sending one answer after ${seconds} s`,
    hint: SLOW_HINT,
  })
}

/** `MISP main (misp.example.org)` */
export function called({ kind, name, place }: Subject): string {
  return printable(`${kind} ${name} (${place})`)
}

/** Foreign text made fit to be shown: short, without secrets and control characters. */
export function cleaned(subject: Subject, text: string): string {
  return printable(maskSecrets(text, subject.secrets).slice(0, EXCERPT_CHARS))
}

const PROXY_HINT = "Put user:password@ into the proxy's URL."
const SLOW_HINT = 'Try a smaller page_size or a longer timeout.'
const CUT_HINT =
  'Nothing was changed. A proxy or a time limit in front of the server may cut its answers.'

const CONNECTION: Readonly<Record<NetworkFault['fault'], { what: string; hint: string }>> = {
  unreachable: {
    what: 'can not be reached',
    hint: 'Check the URL (http:// or https://?), the network, and HTTPS_PROXY and NO_PROXY. Nothing was changed.',
  },
  timeout: { what: 'did not answer in time', hint: `${SLOW_HINT} Nothing was changed.` },
  cut: { what: 'broke off its answer', hint: CUT_HINT },
  'not-http': {
    what: 'does not speak HTTP as expected',
    hint: 'Check scheme and port of the URL: http:// for plain, https:// for TLS.',
  },
  tls: { what: 'offers a TLS connection that is not trusted', hint: '' },
}

function tlsHint(code: string, caFile: string | undefined): string {
  if (code === 'CERT_HAS_EXPIRED') return 'Its certificate has expired and must be renewed.'
  if (code === 'CERT_NOT_YET_VALID') {
    return 'Its certificate is not valid yet: compare the clocks of both machines.'
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'Its certificate is for another name. Use the name in the certificate in the URL.'
  }
  if (/^(ERR_SSL_|EPROTO)/.test(code)) {
    return 'Check that the port speaks TLS; with http:// the URL is for plain HTTP.'
  }
  const hint = signerHint(isUnsigned(code) ? caFile : undefined)
  return `${hint[0]?.toUpperCase()}${hint.slice(1)}. ignore_cert_errors: true takes any certificate and is unsafe.`
}

function forbiddenHint(subject: Subject, answer: RefusedAnswer): string {
  const hint =
    subject.kind === 'MISP'
      ? 'Check the key: it may be wrong, expired, or bound to other addresses; its user may be disabled, or the role without access by key.'
      : 'The feed wants credentials: give them as headers.'
  return withVoice(subject, answer.body, hint)
}

/** Following a redirect would carry the key to wherever it points, and MISP's maintenance mode loops. */
function redirectError(subject: Subject, { status, location }: RefusedAnswer): SourceError {
  const target = location === undefined ? '' : cleaned(subject, location)
  const isLogin = subject.kind === 'MISP' && /\/users\/login\/?([?#]|$)/.test(target)
  const [origin] = /^https?:\/\/[^/?#]*/.exec(target) ?? []
  const facts = isLogin
    ? {
        fault: 'maintenance' as const,
        what: 'sends us to its login page, which means maintenance',
        hint: 'Wait until it is over. If it lasts, check MISP.live in its settings, and that the URL is its root.',
      }
    : {
        fault: 'not-misp' as const,
        what: 'answers with a redirect, which is never followed',
        hint: `Put the final address into the URL${origin ? `; it points to ${origin}` : ''}.`,
      }
  return new SourceError({
    source: subject.name,
    fault: facts.fault,
    status,
    what: `${called(subject)} ${facts.what} (HTTP ${status})`,
    hint: facts.hint,
  })
}

function rateLimited(subject: Subject, { status, retryAfterMs }: RefusedAnswer): RateLimited {
  const wait = retryAfterMs === undefined ? '' : ` for ${Math.ceil(retryAfterMs / 1000)} s more`
  return new RateLimited({
    source: subject.name,
    status,
    what: `${called(subject)} limits our requests${wait} (HTTP ${status})`,
    hint: 'Raise the rate limit of the role of this key, or ask less often (every).',
    retryAfterMs,
  })
}

function failureHint({ status, contentType }: RefusedAnswer): string {
  if (status === 500 && contentType.includes('json')) {
    return 'Its database may be down, or PHP out of memory or time: see its error log. A smaller page_size asks less of it.'
  }
  return 'The web server is up, but not what is behind it: check PHP-FPM and the proxy.'
}

function wrongPlaceHint({ kind }: Subject, status: number): string {
  if (kind === 'feed') return 'Is the URL the folder that holds manifest.json?'
  if (status === 400) return 'Is the URL right? Where the port speaks TLS it begins with https://.'
  return 'Is the URL the root of the MISP?'
}

/** The hint, and what the source itself says. */
function withVoice(subject: Subject, body: string, hint: string): string {
  const message = messageOf(body)
  return message === '' ? hint : `${hint} It says: ${cleaned(subject, message)}`
}

function messageOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    const message = typeof parsed === 'object' && parsed !== null && 'message' in parsed
    return message && typeof parsed.message === 'string' ? parsed.message : ''
  } catch {
    return ''
  }
}

/** A library's error may carry raw bytes of the answer, and so whatever a server echoes. */
function cleanCause(subject: Subject, cause: unknown): Error | undefined {
  if (!(cause instanceof Error)) return undefined
  const copy = new Error(cleaned(subject, cause.message))
  copy.name = cause.name
  return copy
}
