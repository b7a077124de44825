import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binary } from '../../../src/sinks/memcached/binary.js'
import { meta } from '../../../src/sinks/memcached/meta.js'
import {
  dumpedCas,
  dumpedKey,
  expiry,
  isRefusal,
  NotMemcached,
  ReplyReader,
  tagOf,
} from '../../../src/sinks/memcached/protocol.js'
import { Segment } from '../../../src/sinks/memcached/segment.js'
import { fuzz } from '../../fuzz.js'
import { poison } from '../poisons.js'

describe('a key on the wire', () => {
  it('goes as it is when it is printable ASCII without blanks', () => {
    expect(sent('misp-ip:198.51.100.7')).toBe('md misp-ip:198.51.100.7 q')
    expect(sent('!~')).toBe('md !~ q')
  })

  it('goes in base64 otherwise, with umlauts as UTF-8', () => {
    expect(sent('a b')).toBe('md YSBi b q')
    expect(sent('a\u007f')).toBe('md YX8= b q')
    expect(sent('\u010a')).toBe('md xIo= b q')
    expect(sent('ä')).toBe('md w6Q= b q')
    expect(sent(Buffer.from([0xff, 0x0a]))).toBe('md /wo= b q')
  })

  it.each([
    ['empty', '', null],
    ['250 plain characters', 'k'.repeat(250), `md ${'k'.repeat(250)} q`],
    ['251 plain characters', 'k'.repeat(251), null],
    ['186 that need base64', `${'k'.repeat(185)} `, `md ${'a2tr'.repeat(61)}a2sg b q`],
    ['187 that need base64', `${'k'.repeat(186)} `, null],
    ['a thousand bytes', Buffer.alloc(1000), null],
  ])('has at most 250 characters: %s', (_, key, wanted) => {
    expect(sent(key)).toBe(wanted)
  })

  it('never holds what could end it, and is the same for writing and reading', () => {
    fc.assert(
      fc.property(poison(), (key) => {
        const line = sent(key)
        expect(meta.get(key, 1) === '').toBe(line === null)
        if (line === null) return
        const [, wire, coded] = /^md ([!-~]{1,250})( b)? q$/.exec(line) ?? []
        const got = coded ? Buffer.from(wire ?? '', 'base64').toString() : wire
        expect(got).toBe(Buffer.from(key).toString())
        expect(meta.get(key, 1)).toBe(`mg ${wire} v q O1${coded ?? ''}\r\n`)
      }),
      fuzz(20_000),
    )
  })

  /** The line of a delete, which is all key. */
  function sent(key: string | Uint8Array): string | null {
    const segment = new Segment<number>(meta)
    if (!segment.put({ key, value: null, expiry: 0 }, 1)) return null
    return segment.whole().toString('latin1').slice(0, -'\r\nmn\r\n'.length)
  }
})

describe('commands', () => {
  it('are quiet, length first, and end with a barrier', () => {
    const segment = new Segment<number>(meta)
    segment.put({ key: 'a', value: 'hello', expiry: 0 }, 1)
    segment.put({ key: 'b c', value: '', expiry: 60 }, 2)
    segment.put({ key: 'd', value: null, expiry: 0 }, 3)
    segment.put({ key: 'e f', value: null, expiry: 0 }, 4)
    expect(segment.whole().toString()).toBe(
      'ms a 5 q\r\nhello\r\nms YiBj 0 b q T60\r\n\r\nmd d q\r\nmd ZSBm b q\r\nmn\r\n',
    )
    expect(segment.oneByOne().toString()).toBe(
      'ms a 5 q\r\nhello\r\nmn\r\nms YiBj 0 b q T60\r\n\r\nmn\r\nmd d q\r\nmn\r\nmd ZSBm b q\r\nmn\r\n',
    )
  })

  it('that can not be sent leave no trace', () => {
    const segment = new Segment<number>(meta)
    expect(segment.put({ key: '', value: 'x', expiry: 0 }, 1)).toBe(false)
    expect(segment.put({ key: 'k'.repeat(251), value: null, expiry: 0 }, 2)).toBe(false)
    expect(segment.whole().toString()).toBe('mn\r\n')
    expect(segment.subjects).toEqual([])
  })

  it('announce the bytes that follow, even for characters that have no byte', () => {
    const segment = new Segment<number>(meta)
    for (const value of ['\u010a\u010d', '\u{1f525}', 'ä'.repeat(100)]) {
      segment.put({ key: 'a', value, expiry: 0 }, 1)
      const text = segment.whole().toString('latin1')
      const [, length, data] = /^ms a (\d+) q\r\n(.*)\r\nmn\r\n$/s.exec(text) ?? []
      expect(data).toHaveLength(Number(length))
      segment.clear()
    }
  })

  it('may be larger than a segment', () => {
    const segment = new Segment<number>(meta)
    const large = { key: 'a', value: 'x'.repeat(1_000_000), expiry: 0 }
    expect(segment.hasRoomFor(large)).toBe(true)
    segment.put(large, 1)
    expect(segment.hasRoomFor(large)).toBe(false)
    expect(segment.whole()).toHaveLength(1_000_000 + 'ms a 1000000 q\r\n\r\nmn\r\n'.length)
    segment.clear()
    expect(segment.whole().toString()).toBe('mn\r\n')
  })

  it('of gets carry their tag, and leave out what can be no key', () => {
    expect(meta.get('a', 3)).toBe('mg a v q O3\r\n')
    expect(meta.get('a b', 4)).toBe('mg YSBi v q O4 b\r\n')
    expect(meta.get('', 5)).toBe('')
  })
})

describe('the binary protocol', () => {
  it('writes a set, a delete and a barrier, one after the other, at their announced lengths', () => {
    fc.assert(
      fc.property(poison(), fc.string(), fc.nat(2_000_000_000), (key, value, expiry) => {
        const segment = new Segment<number>(binary)
        const wire = Buffer.from(key)
        const fits = wire.length > 0 && wire.length <= 250
        expect(segment.put({ key, value, expiry }, 1)).toBe(fits)
        expect(segment.put({ key, value: null, expiry: 0 }, 2)).toBe(fits)
        const frames = framesIn(segment.whole())
        expect(frames.map(({ op }) => op)).toEqual(fits ? [0x11, 0x14, 0x0a] : [0x0a])
        if (!fits) return
        expect(frames[0]!.key).toEqual(wire)
        expect(frames[0]!.value).toEqual(Buffer.from(value, 'latin1'))
        expect(frames[0]!.extras.readUInt32BE(0)).toBe(0)
        expect(frames[0]!.extras.readUInt32BE(4)).toBe(expiry)
        expect(frames[1]!.key).toEqual(wire)
      }),
      fuzz(10_000),
    )
  })

  it('reads answers as lines, in whatever pieces they come', () => {
    const answers = Buffer.concat([
      answer({ op: 0x0b, value: '1.6.18' }),
      answer({ op: 0x10, key: 'pid', value: '7' }),
      answer({ op: 0x10 }),
      answer({ op: 0x09, extras: '\0\0\0\0', value: 'hello', tag: 3 }),
      answer({ op: 0x11, status: 3, value: 'Too large.' }),
      answer({ op: 0x14, status: 1, value: 'Not found' }),
      answer({ op: 0x21, status: 0x20, value: 'Auth failure.' }),
      answer({ op: 0x0a }),
    ])
    const wanted = [
      ...['VERSION 1.6.18', 'STAT pid 7', 'END', 'VA 5 O3=hello', 'SERVER_ERROR Too large.', 'NF'],
      ...['CLIENT_ERROR Auth failure.', 'MN'],
    ]
    for (const size of [1, 7, 24, 25, 1000]) expect(read(answers, size)).toEqual(wanted)
  })

  it('takes foreign bytes for what they are: nothing of memcached', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((rest) => Uint8Array.from([0x81, ...rest])),
    )
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 50 }), (foreign, size) => {
        try {
          for (const line of read(Buffer.from(foreign), size)) expect(line).toMatch(/^[A-Z]/)
        } catch (error) {
          expect(error).toBeInstanceOf(NotMemcached)
        }
      }),
      fuzz(20_000),
    )
  })

  function read(bytes: Buffer, size: number): string[] {
    const lines: string[] = []
    const reader = binary.reader()
    for (let at = 0; at < bytes.length; at += size) {
      reader.feed(bytes.subarray(at, at + size), {
        line: (text) => lines.push(text),
        value: (header, data) => lines.push(`${header}=${data.toString('latin1')}`),
      })
    }
    return lines
  }

  function answer(of: {
    op: number
    status?: number
    extras?: string
    key?: string
    value?: string
    tag?: number
  }): Buffer {
    const { op, status = 0, extras = '', key = '', value = '', tag = 0 } = of
    const header = Buffer.alloc(24)
    header[0] = 0x81
    header[1] = op
    header.writeUInt16BE(key.length, 2)
    header[4] = extras.length
    header.writeUInt16BE(status, 6)
    header.writeUInt32BE(extras.length + key.length + value.length, 8)
    header.writeUInt32BE(tag, 12)
    return Buffer.concat([header, Buffer.from(extras + key + value, 'latin1')])
  }

  function framesIn(bytes: Buffer) {
    const frames = []
    for (let at = 0; at < bytes.length; ) {
      const keyAt = at + 24 + bytes[at + 4]!
      const valueAt = keyAt + bytes.readUInt16BE(at + 2)
      const end = at + 24 + bytes.readUInt32BE(at + 8)
      expect(bytes[at]).toBe(0x80)
      frames.push({
        op: bytes[at + 1]!,
        extras: bytes.subarray(at + 24, keyAt),
        key: bytes.subarray(keyAt, valueAt),
        value: bytes.subarray(valueAt, end),
      })
      at = end
    }
    return frames
  }
})

describe('expiry', () => {
  const now = 1_750_000_000

  it.each([
    ['never', Number.POSITIVE_INFINITY, 0],
    ['a fraction of a second is one', 0.2, 1],
    ['an hour', 3600, 3600],
    ['30 days', 2_592_000, 2_592_000],
    ['over 30 days is an epoch', 2_592_001, now + 2_592_001],
    ['past what memcached can tell is never', 500_000_000, 0],
  ])('%s', (_, seconds, wanted) => {
    expect(expiry(seconds, now)).toBe(wanted)
  })
})

describe('answers', () => {
  const STREAM =
    'VA 5 O1\r\na\r\nMN\r\nVA 0 O2\r\n\r\nSERVER_ERROR x\r\nVA 3 O3\r\nVA \r\nMN\r\nkey=a exp=1\nEND\r\n'
  const WANTED = [
    ['VA 5 O1', 'a\r\nMN'],
    ['VA 0 O2', ''],
    ['SERVER_ERROR x'],
    ['VA 3 O3', 'VA '],
    ['MN'],
    ['key=a exp=1'],
    ['END'],
  ]

  it('are the same however the stream is cut', () => {
    const cuts = fc.array(fc.nat(STREAM.length), { maxLength: 12 })
    fc.assert(
      fc.property(cuts, (at) => {
        const edges = [0, ...at.toSorted((a, b) => a - b), STREAM.length]
        const pieces = edges.slice(1).map((edge, n) => STREAM.slice(edges[n], edge))
        expect(read(pieces)).toEqual(WANTED)
      }),
      fuzz(5000),
    )
  })

  it('of no memcached are told as such', () => {
    expect(() => read(['VA many O1\r\n'])).toThrow(NotMemcached)
    expect(() => read(['x'.repeat(10_000)])).toThrow(NotMemcached)
    expect(() => read([`${'x'.repeat(10_000)}\r\n`])).toThrow(NotMemcached)
    expect(() => tagOf('VA 5 kfoo')).toThrow(NotMemcached)
  })

  it('that refuse are known from those that make no sense', () => {
    expect(
      ['SERVER_ERROR out of memory', 'CLIENT_ERROR bad', 'ERROR', 'NF'].map(isRefusal),
    ).toEqual([true, true, true, true])
    expect(['HTTP/1.1 400 Bad Request', 'HD', 'ERRORS', ''].map(isRefusal)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  function read(pieces: readonly string[]): string[][] {
    const reader = new ReplyReader()
    const got: string[][] = []
    const replies = {
      line: (text: string) => got.push([text]),
      value: (header: string, data: Buffer) => got.push([header, data.toString('latin1')]),
    }
    for (const piece of pieces) reader.feed(Buffer.from(piece, 'latin1'), replies)
    return got
  }
})

describe('a line of the dump', () => {
  const line =
    'key=misp-url%3Ahttp%3A%2F%2Fevil.example%2F%25a%20%C3%A4%FF exp=-1 la=1 cas=6 fetch=no cls=1 size=72'

  it('names the key in its bytes, and the write', () => {
    const key = Buffer.from('misp-url:http://evil.example/%a \u00c3\u00a4\u00ff', 'latin1')
    expect(dumpedKey(line)).toEqual(key)
    expect(dumpedKey('key=a exp=-1')).toEqual(Buffer.from('a'))
    expect(dumpedCas(line)).toBe(6)
  })

  it('has no number where the server keeps none', () => {
    expect(dumpedCas('key=a exp=-1 la=1 fetch=no cls=1 size=72')).toBe(0)
  })
})
