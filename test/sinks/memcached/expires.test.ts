import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KINDS } from '../../../src/indicators/indicator.js'
import { MATCHABLE } from '../../../src/indicators/matchable.js'
import { contentsOf } from '../../../src/sinks/layout/contents.js'
import { EXPIRES_GROUPS } from '../../../src/sinks/layout/expires.js'
import { expiry } from '../../../src/sinks/memcached/protocol.js'
import { hasMemcached, Memcached } from '../../servers/memcached.js'
import { carrier, ipState, NOW } from '../states.js'
import { make, NEVER } from './make.js'

const DAY = 86_400

/** Artefacts of a host and of mail: MISP2memcached had no group for them. */
const NEVER_EXPIRE = [
  ...['email', 'message-id', 'eppn', 'filename', 'mutex', 'named-pipe', 'regkey'],
  ...['azure-application-id', 'mobile-application-id', 'chrome-extension-id'],
]

describe('groups', () => {
  it('name every space once, or it is meant never to expire', () => {
    const grouped = Object.values(EXPIRES_GROUPS).flat()
    const spaces = MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space))
    const kinds = KINDS.filter((kind) => kind !== 'ip-port')
    const all = new Set([...spaces, ...kinds])
    expect([...grouped, ...NEVER_EXPIRE].toSorted()).toEqual([...all].toSorted())
  })
})

describe('what is left of a key', () => {
  const contents = contentsOf({
    form: 'ids',
    nameSource: false,
    expires: { hash: 0, network: DAY, web: 60 * DAY },
  })

  function at(space: string, ...ages: number[]) {
    const carriers = ages.map((age, n) => carrier({ eventId: String(n), liveSince: NOW - age }))
    const { value, seconds } = contents({ space, value: 'x', carriers }, NOW)
    return { value, seconds }
  }

  it('is everything, for ever, where nothing expires', () => {
    expect(at('md5', 1_000 * DAY)).toEqual({ value: '0#ip-dst', seconds: Number.POSITIVE_INFINITY })
    expect(at('mutex', 1_000 * DAY)).toEqual({
      value: '0#ip-dst',
      seconds: Number.POSITIVE_INFINITY,
    })
  })

  it('counts from when the indicator went live, and ends with the last', () => {
    expect(at('ip', DAY - 10)).toEqual({ value: '0#ip-dst', seconds: 10 })
    expect(at('ip', DAY - 10, DAY - 100)).toEqual({ value: '0#ip-dst,1#ip-dst', seconds: 100 })
  })

  it('leaves out whose time is up', () => {
    expect(at('ip', DAY, 3 * DAY, DAY - 1)).toEqual({ value: '2#ip-dst', seconds: 1 })
  })

  it('is nothing when all are up', () => {
    expect(at('ip', DAY, 2 * DAY)).toEqual({ value: null, seconds: 0 })
    expect(at('ip')).toEqual({ value: null, seconds: 0 })
  })

  it('is an epoch for memcached over 30 days, and never 0 unless it is for ever', () => {
    expect(expiry(at('url', DAY).seconds, NOW)).toBe(NOW + 59 * DAY)
    expect(expiry(at('url', 30 * DAY).seconds, NOW)).toBe(30 * DAY)
    expect(expiry(at('md5', DAY).seconds, NOW)).toBe(0)
  })
})

describe.skipIf(!hasMemcached())('in a real memcached', () => {
  let server: Memcached

  beforeAll(async () => {
    server = await Memcached.start()
  })
  afterAll(() => server.stop())

  it.each([
    ['an hour', '1h', 3600],
    ['30 days', '30d', 30 * DAY],
    ['90 days', '90d', 90 * DAY],
  ])('a key lives for %s', async (_, network, seconds) => {
    const now = Math.floor(Date.now() / 1000)
    const sink = make(server.address, { expires: { network } }, { clock: () => now })
    await sink.open(NEVER)
    const carriers = [carrier({ liveSince: now })]
    await sink.apply([{ ...ipState('198.51.100.7'), carriers }], NEVER)
    await sink.close()
    const answer = await server.say('mg misp-ip:198.51.100.7 t\r\n', '\r\n')
    const left = Number(/^HD t(\d+)/.exec(answer)?.[1])
    expect(left).toBeGreaterThan(seconds - 30)
    // memcached's clock is up to a second behind.
    expect(left).toBeLessThanOrEqual(seconds + 2)
  })

  it('a key that expires no more is there for ever again', async () => {
    const sink = make(server.address)
    await sink.open(NEVER)
    await sink.apply([ipState('198.51.100.7')], NEVER)
    await sink.close()
    expect(await server.say('mg misp-ip:198.51.100.7 t\r\n', '\r\n')).toBe('HD t-1\r\n')
  })

  it('a key whose time is up goes', async () => {
    const sink = make(server.address, { expires: { network: 100 } })
    await sink.open(NEVER)
    await sink.apply([ipState('198.51.100.7')], NEVER)
    await sink.close()
    expect(await server.read('misp-ip:198.51.100.7')).toBeNull()
  })
})
