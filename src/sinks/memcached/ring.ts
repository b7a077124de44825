/**
 * Which of several servers holds a key: the consistent ring of Dalli 3, the client of Logstash's
 * memcached filter (whose documentation says "CRC-32 modulus", which is not what happens). Pure.
 *
 * Each server has points on a circle of 32 bits, as many as its weight gives it; a point is the first
 * 8 hex digits of `SHA1("name:n")`. A key belongs to the last point that is not beyond its CRC-32. Two
 * servers on the same point, where Dalli's own order is undefined, would take 480 points some 40,000
 * rings to happen.
 */
import { hash } from 'node:crypto'

export interface RingServer {
  readonly ringName: string
  readonly weight: number
}

/** libmemcached's, and Dalli's. */
const POINTS_PER_SERVER = 160

/** The function from a key (ASCII) to the index of its server. */
export function ring(servers: readonly RingServer[]): (key: string) => number {
  const points = pointsOf(servers)
  const values = Uint32Array.from(points, ({ value }) => value)
  const owners = points.map(({ owner }) => owner)
  if (servers.length < 2) return () => 0
  return (key) => owners[lastUpTo(values, crc32(key))]!
}

interface Point {
  readonly value: number
  readonly owner: number
}

function pointsOf(servers: readonly RingServer[]): Point[] {
  const total = servers.reduce((sum, { weight }) => sum + weight, 0)
  return servers
    .flatMap(({ ringName, weight }, owner) => {
      const count = Math.floor((servers.length * POINTS_PER_SERVER * weight) / total)
      return Array.from({ length: count }, (_, n) => ({
        value: pointOf(`${ringName}:${n}`),
        owner,
      }))
    })
    .sort((a, b) => a.value - b.value)
}

function pointOf(name: string): number {
  return Number.parseInt(hash('sha1', name).slice(0, 8), 16)
}

/** Before the first point the circle closes: the key belongs to the last. */
function lastUpTo(values: Uint32Array, wanted: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! > wanted) high = middle
    else low = middle + 1
  }
  return (low === 0 ? values.length : low) - 1
}

/** zlib's; for a text as short as a key a call into native code takes twice as long. */
export function crc32(text: string): number {
  let crc = -1
  for (let n = 0; n < text.length; n++) crc = TABLE[(crc ^ text.charCodeAt(n)) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1
  return crc
})
