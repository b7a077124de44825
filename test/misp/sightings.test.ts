/** The stand-in's sightings against the recordings: what MISP stores, and what it answers 200 to and does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixtureNames, recording } from './fixtures.js'
import { recordedWorld, untilTheErrors } from './recorded.js'
import { type Standin, startStandin } from './standin.js'

interface Wire {
  readonly id: string
  readonly date_sighting: string
  readonly uuid: string
}

/** In the order in which MISP stored them: each has the next id. */
const STORED = fixtureNames()
  .filter((name) => name.startsWith('sightings_add_') && storedBy(name) !== null)
  .sort((one, other) => Number(storedBy(one)!.id) - Number(storedBy(other)!.id))
const NOT_STORED = fixtureNames().filter(
  (name) => name.startsWith('sightings_add_') && storedBy(name) === null,
)
/** Whose time is told, and not MISP's own. */
const TIMED = /_ts$|duplicate|type2/

describe('sightings, in the order of the recordings', () => {
  let misp: Standin
  beforeAll(async () => {
    misp = await startStandin({ store: () => untilTheErrors(recordedWorld()) })
  })
  afterAll(() => misp.close())

  it.each(STORED)('%s is stored', async (name) => {
    const recorded = storedBy(name)!
    if (!TIMED.test(name)) misp.store.now = Number(recorded.date_sighting)
    const { status, type, text } = await ask(misp, name)
    expect([status, type]).toEqual([200, 'application/json; charset=UTF-8'])
    expect(Buffer.byteLength(text)).toBe(recording(name).response.body_bytes)
    const { Sighting } = JSON.parse(text) as { Sighting: Wire }
    expect({ ...Sighting, uuid: recorded.uuid }).toEqual(recorded)
  })

  it.each(NOT_STORED)('%s is not stored', async (name) => {
    const before = misp.store.sightings.length
    const { status, text } = await ask(misp, name)
    const { response } = recording(name)
    expect([status, text]).toEqual([response.status, response.body])
    expect(misp.store.sightings).toHaveLength(before)
  })

  it.each(['sightings_list_attr', 'sightings_list_get', 'sightings_list_user'])(
    '%s: who sees which',
    async (name) => {
      const { status, text } = await ask(misp, name)
      const { response } = recording(name)
      expect(status).toBe(response.status)
      // What was cut when it was recorded can't be read as a whole.
      expect(idsIn(text)).toEqual(expect.arrayContaining(idsIn(response.body)))
      if (!response.body_truncated) expect(idsIn(text)).toEqual(idsIn(response.body))
    },
  )

  it('sightings_list_nf: there is no such attribute', async () => {
    const { status, text } = await ask(misp, 'sightings_list_nf')
    const { response } = recording('sightings_list_nf')
    expect([status, text]).toEqual([response.status, response.body])
  })
})

function storedBy(name: string): Wire | null {
  const { body } = recording(name).response
  return body.includes('"Sighting"') ? (JSON.parse(body) as { Sighting: Wire }).Sighting : null
}

function idsIn(text: string): number[] {
  const ids = [...text.matchAll(/"id": "(\d+)",\s+"attribute_id"/g)].map(([, id]) => Number(id))
  return ids.sort((one, other) => one - other)
}

async function ask(misp: Standin, name: string) {
  const { method, path, headers, body } = recording(name).request
  const { admin, user, readonly } = misp.keys
  const keys: Readonly<Record<string, string>> = { ADMIN: admin, USER: user, READONLY: readonly }
  const keyed = Object.entries(headers).map(([header, value]): [string, string] => [
    header,
    value.replace(/<API_KEY_(\w+)>/, (_, who: string) => keys[who]!),
  ])
  const response = await fetch(misp.url + path, {
    method,
    headers: keyed,
    ...(method === 'POST' && { body: body ?? '' }),
  })
  const type = response.headers.get('content-type')
  return { status: response.status, type, text: await response.text() }
}
