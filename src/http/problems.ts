/** What is refused or failed, as RFC 9457 tells it. The table is also the reference. */

import type { Refusal } from '../errors.js'
import { LedgerBusy, RequestRefused, TiplineError, UsageError } from '../errors.js'

interface ProblemDefinition {
  readonly status: 400 | 401 | 403 | 404 | 408 | 409 | 413 | 415 | 421 | 429 | 500 | 503
  readonly title: string
  /** What the caller can do. */
  readonly advice: string
}

export const PROBLEMS = {
  'invalid-request': {
    status: 400,
    title: 'The request can not be understood',
    advice: '`errors` tells what was expected where.',
  },
  unauthorized: {
    status: 401,
    title: 'A valid token is needed',
    advice: 'Send `Authorization: Bearer TOKEN`. `tipline token new NAME` makes one.',
  },
  forbidden: {
    status: 403,
    title: 'The token is not allowed to do that',
    advice: 'Give it `scope: operate` in the config.',
  },
  'cross-site': {
    status: 403,
    title: 'The request comes from a page of another site',
    advice: 'Programs send a token and no `Origin`.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    advice: '`/openapi.json` tells what there is.',
  },
  'too-slow': {
    status: 408,
    title: 'The request did not arrive in time',
    advice: 'Send it again.',
  },
  busy: { status: 409, title: 'That is being done already', advice: 'Ask again when it is done.' },
  'too-large': {
    status: 413,
    title: 'The request is too large',
    advice: 'Send less at once, or raise `http.limits.body`.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is of the wrong type',
    advice: 'Send `Content-Type: application/json`; to /v1/enrich `application/x-ndjson`.',
  },
  'wrong-host': {
    status: 421,
    title: 'It is not reached by this name',
    advice: 'Add the name to `http.hosts`.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    advice: 'Wait as long as `Retry-After` says, or raise `http.limits`.',
  },
  internal: {
    status: 500,
    title: 'A fault of tipline',
    advice: 'Its log tells more. Please report it.',
  },
  unavailable: {
    status: 503,
    title: 'What is needed for the answer can not be had now',
    advice: '`detail` tells what; `tipline doctor` tells more.',
  },
  'not-ready': { status: 503, title: 'It is starting or stopping', advice: 'Ask again.' },
} as const satisfies Record<Refusal, ProblemDefinition>

export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail?: string
  /** What was expected where. */
  readonly errors?: readonly { readonly where: string; readonly message: string }[]
}

export const PROBLEM_TYPE = 'application/problem+json'

export function problemDocument(
  refusal: Refusal,
  more: Pick<ProblemDocument, 'detail' | 'errors'> = {},
): ProblemDocument {
  const { title, status } = PROBLEMS[refusal]
  return { type: problemType(refusal), title, status, ...more }
}

/** A name, not an address: a reference that needs no network. */
export function problemType(refusal: Refusal): string {
  return `urn:tipline:problem:${refusal}`
}

export function problem(
  refusal: Refusal,
  {
    headers = {},
    ...more
  }: Pick<ProblemDocument, 'detail' | 'errors'> & {
    headers?: Readonly<Record<string, string>>
  } = {},
): Response {
  const document = problemDocument(refusal, more)
  return new Response(`${JSON.stringify(document)}\n`, {
    status: document.status,
    headers: { 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store', ...headers },
  })
}

/** What a schema has against a request. */
export function invalid({ issues }: { readonly issues: readonly Issue[] }): Response {
  const errors = issues.slice(0, MOST_ERRORS).map(({ path, message }) => ({
    where: path.map(String).join('.'),
    message,
  }))
  return problem('invalid-request', { errors })
}

const MOST_ERRORS = 20

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** Of an error that is meant; null: it is a bug. */
export function problemOf(error: unknown): Response | null {
  if (error instanceof RequestRefused) {
    return problem(error.refusal, { detail: error.message, headers: error.headers })
  }
  if (!(error instanceof TiplineError)) return null
  const detail = error.hint === undefined ? error.message : `${error.message} (${error.hint})`
  return problem(refusalOf(error), { detail })
}

function refusalOf(error: TiplineError): Refusal {
  if (error instanceof UsageError) return 'invalid-request'
  return error instanceof LedgerBusy ? 'busy' : 'unavailable'
}
