/** Questions to the API. */

/** The daemon gave no answer at all. */
export class Unreachable extends Error {}

/** An answer that is a problem document (RFC 9457). */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail === '' ? title : `${title}: ${detail}`)
  }
}

/** Longer than the slowest question that the page asks. */
const PATIENCE_MS = 30_000

/** Characters of an address; the API hangs up on headers beyond 16 KiB. */
const LONGEST = 14_000

export type Parameters = Readonly<Record<string, string>>

/** Empty parameters are left out. @throws Unreachable, Refused */
export async function ask<T>(path: string, given: Parameters, signal: AbortSignal): Promise<T> {
  const address = withParameters(path, given)
  if (address.length > LONGEST) throw new Refused(414, 'That is too long to be asked for', '')
  const response = await reach(address, { signal })
  return (await answerOf(response)) as T
}

/** Something is changed: with a type of body that no form of another site can send. @throws as `ask` */
export async function tell(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  return answerOf(await reach(path, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) }))
}

export function withParameters(path: string, given: Parameters): string {
  const kept = Object.entries(given).filter(([, text]) => text !== '')
  return kept.length === 0 ? path : `${path}?${new URLSearchParams(kept)}`
}

async function reach(path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  const signal = AbortSignal.any([init.signal, AbortSignal.timeout(PATIENCE_MS)])
  try {
    return await fetch(path, { ...init, signal, credentials: 'same-origin', redirect: 'error' })
  } catch (error) {
    if (init.signal.aborted) throw error
    throw new Unreachable('tipline gave no answer', { cause: error })
  }
}

async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text().catch((cause: unknown) => {
    throw new Unreachable('the answer was cut', { cause })
  })
  const body = parsed(text)
  if (!response.ok) throw refusalOf(response, body)
  // A proxy's page of its own, say.
  if (body === undefined && text !== '') throw new Unreachable('the answer was no JSON')
  return body
}

function refusalOf({ status, statusText }: Response, body: unknown): Refused {
  const { title, detail } = (body ?? {}) as { title?: unknown; detail?: unknown }
  const text = (given: unknown, otherwise: string) =>
    typeof given === 'string' ? given : otherwise
  return new Refused(status, text(title, statusText || `HTTP ${status}`), text(detail, ''))
}

/** Undefined: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
