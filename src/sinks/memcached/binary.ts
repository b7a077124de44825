/**
 * memcached's binary protocol on the wire, for servers that ask for SASL (-S) and speak no other. Pure:
 * no I/O. Its answers are handed on as the lines of the text protocol, so that the rest of the client
 * is one for both. It can't list a server's keys.
 */
import type { Dialect, Reader } from './dialect.js'
import { type Command, LONGEST_KEY, NotMemcached, type Replies } from './protocol.js'
import { writeText } from './text.js'

const HEADER = 24
const [REQUEST, RESPONSE] = [0x80, 0x81]
const OP = {
  set: 0x01,
  getQuietly: 0x09,
  noop: 0x0a,
  version: 0x0b,
  stat: 0x10,
  setQuietly: 0x11,
  deleteQuietly: 0x14,
  saslAuth: 0x21,
} as const
const STATUS = { ok: 0, notFound: 1 } as const
/** memcached's largest item (-I) is 1 GiB; a value that we ask for is far smaller. */
const LONGEST_BODY = 64 * 1024 * 1024
/** Flags and expiry of a set. */
const SET_EXTRAS = 8

export const binary: Dialect = {
  barrier: frame({ op: OP.noop }),
  version: frame({ op: OP.version }),
  stats: (group) => frame({ op: OP.stat, key: group ?? '' }),
  get: (key, tag) => {
    const bytes = keyBytes(key)
    return bytes === null ? '' : frame({ op: OP.getQuietly, key: bytes.toString('latin1'), tag })
  },
  mark: (key, value) => frame({ op: OP.set, key, value, extras: '\0'.repeat(SET_EXTRAS) }),
  dump: () => null,
  logIn: (username, password) => {
    const secret = Buffer.from(`\0${username}\0${password}`).toString('latin1')
    return frame({ op: OP.saslAuth, key: 'PLAIN', value: secret })
  },
  write,
  reader: () => new FrameReader(),
}

interface Frame {
  readonly op: number
  readonly extras?: string
  readonly key?: string
  readonly value?: string
  /** Comes back with the answer. */
  readonly tag?: number
}

/** Texts of one byte a character. */
function frame({ op, extras = '', key = '', value = '', tag = 0 }: Frame): string {
  const header = Buffer.alloc(HEADER)
  writeHeader(header, 0, { op, extras: extras.length, key: key.length, value: value.length, tag })
  return header.toString('latin1') + extras + key + value
}

interface Lengths {
  readonly op: number
  readonly extras: number
  readonly key: number
  readonly value: number
  readonly tag: number
}

function writeHeader(bytes: Buffer, at: number, { op, extras, key, value, tag }: Lengths): number {
  bytes.fill(0, at, at + HEADER)
  bytes[at] = REQUEST
  bytes[at + 1] = op
  bytes.writeUInt16BE(key, at + 2)
  bytes[at + 4] = extras
  bytes.writeUInt32BE(extras + key + value, at + 8)
  bytes.writeUInt32BE(tag, at + 12)
  return at + HEADER
}

function keyBytes(key: string | Uint8Array): Buffer | null {
  const bytes = key.length > LONGEST_KEY ? Buffer.alloc(0) : Buffer.from(key as string)
  return bytes.length > 0 && bytes.length <= LONGEST_KEY ? bytes : null
}

function write(bytes: Buffer, start: number, { key: name, value, expiry }: Command): number | null {
  const key = keyBytes(name)
  if (key === null) return null
  const op = value === null ? OP.deleteQuietly : OP.setQuietly
  const extras = value === null ? 0 : SET_EXTRAS
  const lengths = { op, extras, key: key.length, value: value?.length ?? 0, tag: 0 }
  let at = writeHeader(bytes, start, lengths)
  if (value !== null) {
    at = bytes.writeUInt32BE(0, at)
    at = bytes.writeUInt32BE(expiry, at)
  }
  bytes.set(key, at)
  at += key.length
  return value === null ? at : writeText(bytes, at, value)
}

class FrameReader implements Reader {
  #pieces: Buffer[] = []
  #size = 0
  /** Fewer bytes than this make no progress. */
  #wanted = HEADER

  feed(piece: Buffer, replies: Replies): void {
    this.#pieces.push(piece)
    this.#size += piece.length
    if (this.#size < this.#wanted) return
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#size)
    const rest = this.#cut(bytes, replies)
    this.#pieces = rest.length > 0 ? [rest] : []
    this.#size = rest.length
  }

  #cut(bytes: Buffer, replies: Replies): Buffer {
    let start = 0
    while (bytes.length - start >= HEADER) {
      const size = HEADER + bodyLength(bytes.subarray(start, start + HEADER))
      if (bytes.length - start < size) {
        this.#wanted = size
        return bytes.subarray(start)
      }
      translate(bytes.subarray(start, start + size), replies)
      start += size
    }
    this.#wanted = HEADER
    return bytes.subarray(start)
  }
}

/** @throws NotMemcached where the header is no answer's */
function bodyLength(header: Buffer): number {
  const length = header.readUInt32BE(8)
  const inside = header.readUInt16BE(2) + header[4]!
  if (header[0] !== RESPONSE || length > LONGEST_BODY || inside > length) {
    throw new NotMemcached(header.toString('latin1'))
  }
  return length
}

/** One answer as the text protocol would give it. @throws NotMemcached */
function translate(answer: Buffer, replies: Replies): void {
  const op = answer[1]!
  const status = answer.readUInt16BE(6)
  const keyAt = HEADER + answer[4]!
  const valueAt = keyAt + answer.readUInt16BE(2)
  const key = answer.toString('latin1', keyAt, valueAt)
  const value = answer.subarray(valueAt)
  if (status !== STATUS.ok) replies.line(refusal({ op, status, said: value.toString('latin1') }))
  else if (op === OP.getQuietly) {
    replies.value(`VA ${value.length} O${answer.readUInt32BE(12)}`, value)
  } else replies.line(answered({ op, key, value, cas: answer.readBigUInt64BE(16) }))
}

function refusal({ op, status, said }: { op: number; status: number; said: string }): string {
  if (op === OP.deleteQuietly && status === STATUS.notFound) return 'NF'
  const word = op === OP.saslAuth ? 'CLIENT_ERROR' : 'SERVER_ERROR'
  return `${word} ${said || `status ${status}`}`
}

interface Answered {
  readonly op: number
  readonly key: string
  readonly value: Buffer
  readonly cas: bigint
}

function answered({ op, key, value, cas }: Answered): string {
  const text = value.toString('latin1')
  if (op === OP.noop) return 'MN'
  if (op === OP.version) return `VERSION ${text}`
  if (op === OP.stat) return key === '' ? 'END' : `STAT ${key} ${text}`
  if (op === OP.set) return `HD c${cas}`
  if (op === OP.saslAuth) return 'STORED'
  throw new NotMemcached(`binary answer ${op}`)
}
