/**
 * Nets of up to 256 addresses, which are also written address by address for readers that know of no
 * nets. Texts are in their normal form. Pure.
 */
import ipaddr from 'ipaddr.js'

/** Shorter prefixes hold more than 256 addresses. */
const SHORTEST = { v4: 24, v6: 120 } as const
const BITS = { v4: 32, v6: 128 } as const

type Version = keyof typeof BITS

/** All addresses of a net, in order; null: it holds more than 256. */
export function addressesOf(net: string): readonly string[] | null {
  const slash = net.lastIndexOf('/')
  const base = net.slice(0, slash)
  const version = versionOf(base)
  const length = Number(net.slice(slash + 1))
  if (length < SHORTEST[version]) return null
  const at = addressAt(base, version)
  return Array.from({ length: 2 ** (BITS[version] - length) }, (_, n) => at(n))
}

/** The nets of up to 256 addresses that could hold an address, widest first, each when it is asked for. */
export function* smallNetsAround(address: string): Generator<string> {
  const version = versionOf(address)
  const [low, at] = lowByte(address, version)
  for (let length = SHORTEST[version]; length < BITS[version]; length++) {
    const mask = 0xff & (0xff << (BITS[version] - length))
    // How far the net's first address lies before this one.
    yield `${at((low & mask) - low)}/${length}`
  }
}

function versionOf(address: string): Version {
  return address.includes(':') ? 'v6' : 'v4'
}

/** The function to the address that lies so far behind (or before); the last byte must not overflow. */
function addressAt(address: string, version: Version): (distance: number) => string {
  return lowByte(address, version)[1]
}

function lowByte(address: string, version: Version): [number, (distance: number) => string] {
  if (version === 'v4') {
    const dot = address.lastIndexOf('.') + 1
    const low = Number(address.slice(dot))
    return [low, (distance) => `${address.slice(0, dot)}${low + distance}`]
  }
  const { parts } = ipaddr.IPv6.parse(address)
  const last = parts.at(-1)!
  const text = (distance: number) =>
    new ipaddr.IPv6([...parts.slice(0, -1), last + distance]).toRFC5952String()
  return [last & 0xff, text]
}
