/**
 * `GET /v1/lookup?value=` as scripts ask it, for every line of a log maybe: answered without a router
 * and without the web's objects, which would cost more than the answer. What is asked in another way,
 * or is no such value, is for the route (`routes/knowledge.ts`), which answers the same.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Metrics } from '../metrics.js'
import type { Door } from './door.js'
import type { Knowing } from './knowledge.js'
import { Outbox, send } from './outbox.js'
import { LONGEST_VALUE } from './shapes/lookup.js'

export interface QuickLookupOptions {
  readonly door: Door
  readonly knowing: Knowing
  readonly metrics: Metrics
  /** What an error is answered with. */
  readonly refuse: (error: Error) => Response
}

/** Whether it was answered. `own`: through the socket that only the owner of the data folder can open. */
export type Quick = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { own }: { own: boolean },
) => boolean

const ASKED = '/v1/lookup?value='
const METRIC = 'tipline_http_request_duration_seconds'
const LABELS = { method: 'GET', route: '/v1/lookup', status: '200' }

export function quickLookup({ door, knowing, metrics, refuse }: QuickLookupOptions): Quick {
  const outbox = new Outbox()
  return (incoming, outgoing, { own }) => {
    const value = askedValue(incoming)
    if (value === null) return false
    const began = performance.now()
    try {
      door.admit(incoming, { own })
      const answer = { status: 200, headers: JSON_HEADERS, body: knowing.lookup(value) }
      outbox.put(outgoing, answer, () => metrics.observe(METRIC, LABELS, secondsSince(began)))
    } catch (error) {
      const refused = refuse(error as Error)
      const labels = { ...LABELS, status: String(refused.status) }
      metrics.observe(METRIC, labels, secondsSince(began))
      void sendResponse(outgoing, refused)
    }
    return true
  }
}

/** null: another question, or one that needs to be looked at closer. */
function askedValue({ method, url = '', headers }: IncomingMessage): string | null {
  if (method !== 'GET' || !url.startsWith(ASKED)) return null
  if ('content-length' in headers || 'transfer-encoding' in headers) return null
  const written = url.slice(ASKED.length)
  if (/[&#+]/.test(written)) return null
  try {
    const value = decodeURIComponent(written)
    return value === '' || value.length > LONGEST_VALUE ? null : value
  } catch {
    return null
  }
}

const NOSNIFF = { 'x-content-type-options': 'nosniff' }
const JSON_HEADERS = { ...NOSNIFF, 'content-type': 'application/json' }

async function sendResponse(outgoing: ServerResponse, response: Response): Promise<void> {
  const headers = { ...NOSNIFF, ...Object.fromEntries(response.headers) }
  send(outgoing, { status: response.status, headers, body: await response.text() })
}

/** `began`: as `performance.now()` told it. */
function secondsSince(began: number): number {
  return (performance.now() - began) / 1000
}
