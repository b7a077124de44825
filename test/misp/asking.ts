/** How the stand-in's own tests ask it. */
import type { Standin } from './standin.js'

export interface Row {
  readonly id: string
  readonly uuid: string
  readonly event_id: string
  readonly type: string
  readonly value: string
  readonly to_ids: boolean
  readonly deleted: boolean
  readonly timestamp: string
  readonly Tag?: readonly { readonly name: string; readonly inherited?: 1 }[]
}

export interface IndexRow {
  readonly id: string
  readonly uuid: string
  readonly timestamp: string
  readonly published: boolean
}

export interface Page {
  readonly status: number
  readonly rows: readonly Row[]
  readonly ids: readonly number[]
  /** X-Result-Count and X-Skipped-Elements-Count. */
  readonly counted: number
  readonly skipped: number
}

export function post(misp: Standin, path: string, body: unknown, key = misp.keys.readonly) {
  return fetch(misp.url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      Authorization: key,
      Accept: 'application/json',
      'Content-Type': 'application/json',
    },
    body: JSON.stringify(body),
  })
}

export function get(misp: Standin, path: string, key = misp.keys.readonly) {
  const headers = { Authorization: key, Accept: 'application/json' }
  return fetch(misp.url + path, { headers, redirect: 'manual' })
}

/** POST /attributes/restSearch */
export async function search(misp: Standin, filters: unknown, key?: string): Promise<Page> {
  const response = await post(misp, '/attributes/restSearch', filters, key)
  const body = (await response.json()) as { response: { Attribute: Row[] } }
  const rows = body.response.Attribute
  return {
    status: response.status,
    rows,
    ids: rows.map((row) => Number(row.id)),
    counted: Number(response.headers.get('x-result-count')),
    skipped: Number(response.headers.get('x-skipped-elements-count')),
  }
}

/** POST /events/index {"minimal":1, ...} */
export async function index(misp: Standin, more = {}, key?: string): Promise<IndexRow[]> {
  const response = await post(misp, '/events/index', { minimal: 1, ...more }, key)
  return (await response.json()) as IndexRow[]
}
