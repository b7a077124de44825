/** What really stands in a memcached, read without the sink's own client. */
import { lookupKeys } from '../../src/indicators/keys.js'
import type { Memcached } from '../servers/memcached.js'
import { sortedPieces } from './house.js'

const OWN = /^(misp-stats$|tipline:)/

/** All indicator keys with their values, as they stand there. */
export async function contents(server: Memcached): Promise<Map<string, string>> {
  const keys = (await server.keys()).filter((key) => !OWN.test(key)).sort()
  return valuesIn(await server.say(`${keys.map(question).join('')}mn\r\n`, 'MN\r\n'))
}

/** In base64 only where it has to be: that form is longer, and has the same limit. */
function question(key: string): string {
  if (/^[!-~]+$/.test(key)) return `mg ${key} v k\r\n`
  return `mg ${Buffer.from(key, 'latin1').toString('base64')} b v k\r\n`
}

function valuesIn(answer: string): Map<string, string> {
  const values = new Map<string, string>()
  for (let at = 0; !answer.startsWith('MN\r\n', at); ) {
    const end = answer.indexOf('\r\n', at)
    const [word, size, ...flags] = answer.slice(at, end).split(' ')
    at = end + 2
    if (word === 'EN') continue
    if (word !== 'VA') throw new Error(`memcached answered ${answer.slice(at, at + 80)}`)
    const key = flags.find((flag) => flag.startsWith('k'))!.slice(1)
    const value = answer.slice(at, at + Number(size))
    // A key that is plain text comes back as such.
    const isEncoded = flags.includes('b')
    values.set(isEncoded ? Buffer.from(key, 'base64').toString('latin1') : key, value)
    at += value.length + 2
  }
  return values
}

/** Values of the form `ids`, their pieces in no order. */
export async function piecesIn(server: Memcached): Promise<Map<string, string>> {
  const all = await contents(server)
  return new Map([...all].map(([key, value]) => [key, sortedPieces(value.split(','))]))
}

/** The keys that live indicators stand under. */
export function asKeys(live: ReadonlyMap<string, string>): Map<string, string> {
  const keys = new Map<string, string>()
  for (const [name, pieces] of live) {
    const colon = name.indexOf(':')
    for (const key of lookupKeys(name.slice(0, colon), name.slice(colon + 1))) keys.set(key, pieces)
  }
  return new Map([...keys].sort())
}

/** One of memcached's counters, e.g. `cmd_set`. */
export async function counter(server: Memcached, name: string): Promise<number> {
  const stats = await server.say('stats\r\n', 'END\r\n')
  const found = new RegExp(`^STAT ${name} (\\d+)`, 'm').exec(stats)
  if (!found) throw new Error(`memcached has no counter ${name}`)
  return Number(found[1])
}
