/**
 * Addresses and networks. IPv4 is read by hand: what libraries accept as octal, hexadecimal or short
 * forms means different hosts to different programs, so it is refused. IPv6 becomes RFC 5952 text,
 * IPv4-mapped IPv6 becomes IPv4.
 */
import ipaddr from 'ipaddr.js'
import type { Normalisation } from './indicator.js'
import { MAX_STRUCTURED, means, REASONS, type Reason, refuse, refuseText } from './outcome.js'
import { refang } from './refang.js'

/** An address, or a network where the value has a slash. */
export function ip(value: string): Normalisation {
  const text = value.trim()
  if (isIpv4(text)) return means('ip', text)
  if (text.length > MAX_STRUCTURED) return refuse(REASONS.tooLong)
  const plain = refang(text)
  const address = readIp(plain)
  if (address !== null) return means('ip', address)
  return plain.includes('/') ? net(plain) : refuseText(text, whyNotIp(plain))
}

/** `ip|port`; also the older `ip:port` and `[v6]:port`. Without a port it isn't what its type says. */
export function ipPort(value: string): Normalisation {
  const text = value.trim()
  if (text.length > MAX_STRUCTURED) return refuse(REASONS.tooLong)
  const [host, portText] = splitPort(refang(text))
  const found = ip(host)
  if (!found.ok) return refuseText(text, whyNotIp(host))
  if (found.meanings[0]?.space === 'net') return refuse(REASONS.netWithPort)
  return withPort(found, portText)
}

/** Puts the port on what was found, or refuses. */
export function withPort(found: Normalisation, portText: string): Normalisation {
  if (!found.ok) return found
  if (portText === '') return refuse(REASONS.noPort)
  const port = readPort(portText)
  if (port === null) return refuseText(portText, REASONS.port)
  return { ok: true, meanings: found.meanings.map((meaning) => ({ ...meaning, port })) }
}

/** Host and port text, divided at the last `|`, else at the colon of `host:port` or `[v6]:port`. */
export function splitPort(text: string): [host: string, port: string] {
  const pipe = text.lastIndexOf('|')
  if (pipe >= 0) return [text.slice(0, pipe).trim(), text.slice(pipe + 1).trim()]
  const colon = text.lastIndexOf(':')
  const bare = colon < 0 || (text.indexOf(':') !== colon && text[colon - 1] !== ']')
  return bare ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

/** The normal form of an address (brackets allowed round IPv6), null if it is none. */
export function readIp(text: string): string | null {
  if (isIpv4(text)) return text
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const ipv6 = readIpv6(bare)
  return ipv6 === null ? null : (mappedIpv4(ipv6) ?? ipv6)
}

/** How programs write an address that do not write the normal form: Suricata in full, Java as mapped. */
export function addressSpellings(address: string): string[] {
  if (isIpv4(address)) return [`::ffff:${address}`]
  if (readIpv6(address) === null) return []
  const groups = ipaddr.IPv6.parse(address).parts.map((part) => part.toString(16).padStart(4, '0'))
  return [groups.join(':')]
}

export function isIpv4(text: string): boolean {
  const length = text.length
  if (length < 7 || length > 15) return false
  let dots = 0
  let digits = 0
  let number = 0
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at)
    if (code === 46) {
      if (digits === 0) return false
      dots++
      digits = 0
      number = 0
    } else {
      if (code < 48 || code > 57) return false
      if (digits > 0 && number === 0) return false
      number = number * 10 + code - 48
      if (number > 255) return false
      digits++
    }
  }
  return dots === 3 && digits > 0
}

function net(text: string): Normalisation {
  const slash = text.lastIndexOf('/')
  const address = text.slice(0, slash)
  const length = readPrefixLength(text.slice(slash + 1))
  if (isIpv4(address)) return ipv4Net(address, length)
  const ipv6 = readIpv6(address)
  if (ipv6 === null) return refuseText(text, whyNotIp(address))
  // Only from /96 on do all addresses of the network share the IPv4-mapped prefix.
  const ipv4 = length >= 96 ? mappedIpv4(ipv6) : null
  return ipv4 === null ? ipv6Net(ipv6, length) : ipv4Net(ipv4, length - 96)
}

/** NaN for anything but 0 to 128 in plain digits. */
function readPrefixLength(text: string): number {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) && Number(text) <= 128 ? Number(text) : Number.NaN
}

function ipv4Net(address: string, length: number): Normalisation {
  if (!(length <= 32)) return refuse(REASONS.prefix)
  return length === 32 ? means('ip', address) : means('net', ipv4Nets(address, [length])[0]!)
}

function ipv6Net(address: string, length: number): Normalisation {
  if (!(length <= 128)) return refuse(REASONS.prefix)
  return length === 128 ? means('ip', address) : means('net', ipv6Nets(address, [length])[0]!)
}

/** The nets around an address in normal form, of these prefix lengths, in their order. */
export function netsOf(address: string, lengths: readonly number[]): string[] {
  if (lengths.length === 0) return []
  return address.includes(':') ? ipv6Nets(address, lengths) : ipv4Nets(address, lengths)
}

function ipv4Nets(address: string, lengths: readonly number[]): string[] {
  const bits = address.split('.').reduce((bits, octet) => (bits << 8) | Number(octet), 0)
  return lengths.map((length) => {
    const net = length === 0 ? 0 : bits & (-1 << (32 - length))
    return `${net >>> 24}.${(net >>> 16) & 255}.${(net >>> 8) & 255}.${net & 255}/${length}`
  })
}

function ipv6Nets(address: string, lengths: readonly number[]): string[] {
  const { parts } = ipaddr.IPv6.parse(address)
  return lengths.map((length) => {
    const net = parts.map((part, at) => {
      const kept = Math.min(16, Math.max(0, length - 16 * at))
      return part & (0xffff << (16 - kept)) & 0xffff
    })
    return `${new ipaddr.IPv6(net).toRFC5952String()}/${length}`
  })
}

const IPV6_LETTERS = /^[0-9a-f:]*:[0-9a-f:]*(?:\d{1,3}\.[\d.]+)?$/i

/**
 * RFC 5952 text. The platform's own URL parser is strict and writes just that, several times faster
 * than ipaddr.js, which reads octal in `::ffff:010.1.1.1` and takes `::192.0.2.1` for IPv4-mapped.
 */
function readIpv6(text: string): string | null {
  if (text.length > 45 || !IPV6_LETTERS.test(text)) return null
  try {
    return new URL(`http://[${text}]`).hostname.slice(1, -1)
  } catch {
    return null
  }
}

/** `192.0.2.1` of `::ffff:c000:201`. */
function mappedIpv4(ipv6: string): string | null {
  if (!ipv6.startsWith('::ffff:')) return null
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ipv6)
  if (groups === null) return null
  return [groups[1], groups[2]]
    .map((group) => Number.parseInt(group ?? '', 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join('.')
}

function readPort(text: string): number | null {
  if (!/^[1-9]\d{0,4}$/.test(text)) return null
  const port = Number(text)
  return port <= 65_535 ? port : null
}

function whyNotIp(text: string): Reason {
  if (text.includes('%') && text.includes(':')) return REASONS.zone
  return /^[\d.]{7,20}$/.test(text) && /(?:^|\.)0\d/.test(text) ? REASONS.leadingZero : REASONS.ip
}
