import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Networks, networksSetting } from '../src/networks.js'
import { fuzz } from './fuzz.js'

const networks = (setting: Record<string, string[]>) => new Networks(networksSetting.parse(setting))

describe("one's own networks", () => {
  const known = networks({
    campus: ['192.0.2.0/24', '2001:db8::/32'],
    'data centre': ['192.0.2.128/25', '2001:db8:5::/48'],
    door: ['198.51.100.7'],
  })

  it.each([
    ['192.0.2.1', 'campus'],
    ['192.0.2.200', 'data centre'],
    ['::ffff:192.0.2.200', 'data centre'],
    ['2001:DB8:5:0::1', 'data centre'],
    ['2001:db8:6::1', 'campus'],
    ['198.51.100.7', 'door'],
    ['198.51.100.8', ''],
    ['no address', ''],
    ['', ''],
  ])('%s lies in "%s"', (address, name) => {
    expect(known.nameOf(address)).toBe(name)
  })

  it('takes nets with host bits, and writes them in normal form', () => {
    expect(networksSetting.parse({ a: ['192.0.2.77/24', '2001:DB8::1'] })).toEqual({
      a: ['192.0.2.0/24', '2001:db8::1/128'],
    })
  })

  it.each([
    [{ a: ['192.0.2.0/33'] }],
    [{ a: ['example.org'] }],
    [{ a: [] }],
    [{ "a'b": ['::/0'] }],
  ])('refuses %j', (setting) => {
    expect(networksSetting.safeParse(setting).success).toBe(false)
  })

  it('gives the smallest of the nets around an address', () => {
    const octets = fc.tuple(fc.nat(3), fc.nat(255), fc.nat(255), fc.nat(255))
    const cidr = fc.tuple(octets, fc.integer({ min: 6, max: 32 }))
    fc.assert(
      fc.property(fc.array(cidr, { minLength: 1, maxLength: 20 }), octets, (nets, address) => {
        const number = (of: readonly number[]) => of.reduce((sum, octet) => sum * 256 + octet, 0)
        const around = nets.filter(([start, length]) => {
          const size = 2 ** (32 - length)
          return Math.floor(number(start) / size) === Math.floor(number(address) / size)
        })
        const smallest = Math.max(0, ...around.map(([, length]) => length))
        const setting: Record<string, string[]> = {}
        for (const [start, length] of nets) {
          setting[`n${length}`] = [...(setting[`n${length}`] ?? []), `${start.join('.')}/${length}`]
        }
        const name = smallest === 0 ? '' : `n${smallest}`
        expect(networks(setting).nameOf(address.join('.'))).toBe(name)
      }),
      fuzz(2000),
    )
  })
})
