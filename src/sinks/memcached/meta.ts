/**
 * memcached's meta protocol on the wire (doc/protocol.txt of memcached 1.6). Pure: no I/O.
 *
 * What keeps a value from becoming a command: a key of ours goes out as it is only when every character of
 * it is printable ASCII, in base64 otherwise; a value goes out behind its exact length.
 */
import type { Dialect } from './dialect.js'
import { BARRIER_ANSWER, type Command, LONGEST_KEY, ReplyReader } from './protocol.js'
import { writeText } from './text.js'

const PLAIN_KEY = /^[!-~]{1,250}$/
/** The printable ASCII characters without the blank. */
const [PLAIN_FROM, PLAIN_TO] = [0x21, 0x7e]
const BEYOND_ASCII = 0x80

export const meta: Dialect = {
  barrier: `${BARRIER_ANSWER.toLowerCase()}\r\n`,
  version: 'version\r\n',
  stats: (group) => (group ? `stats ${group}\r\n` : 'stats\r\n'),
  get: encodeGet,
  mark: (key, value) => `ms ${key} ${value.length} c\r\n${value}\r\n`,
  dump: (way) => `lru_crawler metadump ${way}\r\n`,
  // With -Y memcached takes `username password` as the value of a first set, under any key.
  logIn: (username, password) => {
    const secret = Buffer.from(`${username} ${password}`).toString('latin1')
    return `set auth 0 0 ${secret.length}\r\n${secret}\r\n`
  },
  write,
  reader: () => new ReplyReader(),
}

function encodeGet(key: string, tag: number): string {
  if (PLAIN_KEY.test(key)) return `mg ${key} v q O${tag}\r\n`
  const coded = codedKey(key)
  return coded === null ? '' : `mg ${coded} v q O${tag} b\r\n`
}

/** A key that is not plain, in base64 (its command has the flag `b`); null: memcached can hold no such. */
function codedKey(key: string | Uint8Array): string | null {
  const coded = key.length > LONGEST_KEY ? '' : Buffer.from(key as string).toString('base64')
  return coded.length > 0 && coded.length <= LONGEST_KEY ? coded : null
}

/** `ms <key> <length> q [T<expiry>]` with the value behind it, or `md <key> q`; `b`: key in base64. */
function write(bytes: Buffer, start: number, { key, value, expiry }: Command): number | null {
  const behind = writeText(bytes, start, value === null ? 'md ' : 'ms ')
  const plain = writePlainKey(bytes, behind, key)
  let at = plain ?? writeCodedKey(bytes, behind, key)
  if (at === null) return null
  if (value !== null) at = writeText(bytes, at, ` ${value.length}`)
  at = writeText(bytes, at, plain === null ? ' b q' : ' q')
  if (expiry !== 0) at = writeText(bytes, at, ` T${expiry}`)
  at = writeText(bytes, at, '\r\n')
  return value === null ? at : writeText(bytes, writeText(bytes, at, value), '\r\n')
}

/**
 * Checked and written in one go. null: it has to be coded, which only shorter keys can be. Bytes are a
 * key that the server told of: beyond ASCII they are to it as good as any.
 */
function writePlainKey(bytes: Buffer, at: number, key: string | Uint8Array): number | null {
  if (key.length === 0 || key.length > LONGEST_KEY) return null
  for (let n = 0; n < key.length; n++) {
    const code = typeof key === 'string' ? key.charCodeAt(n) : key[n]!
    const isPlain = code >= PLAIN_FROM && code <= PLAIN_TO
    if (!isPlain && (typeof key === 'string' || code < BEYOND_ASCII)) return null
    bytes[at + n] = code
  }
  return at + key.length
}

function writeCodedKey(bytes: Buffer, at: number, key: string | Uint8Array): number | null {
  const text = codedKey(key)
  return text === null ? null : writeText(bytes, at, text)
}
