/** One's own networks, by name: where the inside address of a hit belongs. Pure. */
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { ip, readIp } from './indicators/ip.js'

/** An address or a net in CIDR form; answered in normal form, an address as a net of full length. */
const net = z.string().transform((text, context) => {
  const cidr = normalNet(text)
  if (cidr !== null) return cidr
  context.addIssue({
    code: 'custom',
    message: 'expected a net such as 192.0.2.0/24 or 2001:db8::/32',
  })
  return z.NEVER
})

export const networksSetting = z
  .record(
    z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u, 'expected a plain name'),
    z.array(net).min(1),
  )
  .default({})
  .describe(
    'Networks of your own: name to nets. A hit tells in which its inside address lies; of nets around each other the smallest counts.',
  )

export type NetworksSetting = z.output<typeof networksSetting>

interface Entry {
  readonly name: string
  readonly low: bigint
  readonly high: bigint
}

export class Networks {
  /** Smallest first. */
  readonly #entries: readonly Entry[]

  constructor(setting: NetworksSetting) {
    this.#entries = Object.entries(setting)
      .flatMap(([name, nets]) => nets.map((cidr) => ({ name, ...rangeOf(cidr) })))
      .sort((a, b) => Number(sizeOf(a) > sizeOf(b)) - Number(sizeOf(a) < sizeOf(b)))
  }

  /** Of the network that an address lies in; '' where it lies in none, or is no address. */
  nameOf(address: string): string {
    if (this.#entries.length === 0) return ''
    const normal = readIp(address)
    if (normal === null) return ''
    const number = numberOf(normal)
    return this.#entries.find(({ low, high }) => low <= number && number <= high)?.name ?? ''
  }
}

function sizeOf({ low, high }: Entry): bigint {
  return high - low
}

function normalNet(text: string): string | null {
  const read = ip(text)
  const [meaning] = read.ok ? read.meanings : []
  if (!meaning) return null
  if (meaning.space === 'net') return meaning.value
  return `${meaning.value}/${meaning.value.includes(':') ? 128 : 32}`
}

function rangeOf(cidr: string): Omit<Entry, 'name'> {
  const slash = cidr.indexOf('/')
  const address = cidr.slice(0, slash)
  const free = BigInt((address.includes(':') ? 128 : 32) - Number(cidr.slice(slash + 1)))
  const low = numberOf(address)
  return { low, high: low + (1n << free) - 1n }
}

/** IPv4 as IPv4-mapped IPv6. `address` is in normal form. */
function numberOf(address: string): bigint {
  const parsed = ipaddr.parse(address)
  const ipv6 = parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed
  return (ipv6 as ipaddr.IPv6).parts.reduce((number, part) => (number << 16n) | BigInt(part), 0n)
}
