/**
 * ECS events as a fleet of Sysmon sends them: about 870 bytes, nine observables each (two addresses, a
 * resolved one, two names, four hashes). Made of numbers, so that every run has the same.
 */
import { createHash } from 'node:crypto'
import { normalise } from '../src/indicators/normalise.js'
import { attribute, meaning } from '../test/ledger/rows.js'

export interface EventOptions {
  /** Its number. */
  readonly n: number
  /** An indicator to stand in it, or null. */
  readonly hit: string | null
}

export function eventLine({ n, hit }: EventOptions): string {
  const hash = digits(n)
  const [a, b, c] = [(n % 250) + 1, (n >> 8) & 255, (n >> 16) & 255]
  return JSON.stringify({
    '@timestamp': '2026-11-21T22:13:20.123Z',
    event: {
      kind: 'event',
      category: ['network'],
      code: '3',
      provider: 'Microsoft-Windows-Sysmon',
    },
    agent: { id: 'f2b1c0de-0000-4000-8000-00000000aaaa', type: 'winlogbeat', version: '8.15.0' },
    process: {
      pid: 4321 + a,
      executable: 'C:\\Program Files\\Vendor\\Browser\\browser.exe',
      hash: {
        md5: hash.slice(0, 32),
        sha1: hash.slice(8, 48),
        sha256: hash,
      },
      pe: { imphash: hash.slice(32) },
    },
    source: { ip: `10.${c}.${b}.${a}`, port: 50_000 + a },
    destination: { ip: `198.18.${b}.${a}`, port: 443, domain: `edge${n % 9973}.cdn.example.net` },
    dns: {
      question: { name: hit ?? `www.site${n % 77_777}.example.org`, type: 'A' },
      resolved_ip: [`198.19.${b}.${a}`],
    },
    network: { transport: 'tcp', direction: 'outbound' },
    user: { name: 'alice', domain: 'CORP' },
  })
}

/** 64 hexadecimal digits. */
function digits(n: number): string {
  return createHash('sha256').update(`event ${n}`).digest('hex')
}

/** The n-th indicator: MISP type and value; an address, a name, a URL or a hash by turns. */
export function indicatorOf(n: number): { type: string; space: string; value: string } {
  const hash = createHash('sha256').update(`indicator ${n}`).digest('hex')
  const kind = n % 10
  if (kind < 2) {
    return { type: 'ip-dst', space: 'ip', value: `2001:db8:${hex(n >> 16)}:${hex(n)}::1` }
  }
  if (kind < 5) return { type: 'domain', space: 'domain', value: domainOf(n) }
  if (kind < 6) return { type: 'hostname', space: 'hostname', value: `host${n}.bad.example` }
  if (kind < 7) return { type: 'url', space: 'url', value: `http://site${n}.bad.example/gate.php` }
  if (kind < 8) return { type: 'md5', space: 'md5', value: hash.slice(0, 32) }
  return { type: 'sha256', space: 'sha256', value: hash }
}

/** That of an indicator whose number ends in 2. */
export function domainOf(n: number): string {
  return `evil${n}.example`
}

function hex(n: number): string {
  return (n & 0xffff).toString(16)
}

/** The n-th indicator as an attribute of an event. */
export function staged(of: string, n: number) {
  const { type, value } = indicatorOf(n)
  const normal = normalise(type, value)
  if (!normal.ok) throw new Error(`${value}: ${normal.reason}`)
  const meanings = normal.meanings.map((each) => meaning(each.value, each))
  return attribute(of, `attribute ${n}`, value, { type, meanings })
}
