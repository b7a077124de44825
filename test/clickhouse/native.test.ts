/** The format Native as clickhouse-go asks for it, which is what Grafana's ClickHouse plugin speaks. */
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { framed } from '../../src/clickhouse/embedded/native.js'
import { fuzz } from '../fuzz.js'
import { hasEngine, TestEngine } from './engine.js'

const PASSWORD = 'a password for readers'
const GO = 54_460

/** Of some types, by a reader of its own: values, column by column. */
class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  take(count: number): Buffer {
    this.#at += count
    if (this.#at > this.#bytes.length) throw new Error('read beyond the end')
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  number(): number {
    const byte = this.take(1)[0]!
    return byte < 128 ? byte : byte - 128 + 128 * this.number()
  }

  text(): string {
    return this.take(this.number()).toString()
  }

  uint(width: number): number {
    return this.take(width).readUIntLE(0, Math.min(width, 6))
  }

  times<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read)
  }

  values(type: string, rows: number): unknown[] {
    const inner = /^(\w+)\((.*)\)$/.exec(type)
    if (type === 'String') return this.times(rows, () => this.text())
    if (inner?.[1] === 'Nullable') {
      const nulls = this.times(rows, () => this.uint(1))
      return this.values(inner[2]!, rows).map((value, n) => (nulls[n] ? null : value))
    }
    if (inner?.[1] === 'LowCardinality') {
      expect(this.uint(8)).toBe(1)
      return this.#lowCardinality(inner[2]!, rows)
    }
    if (inner?.[1] === 'Array' && inner[2] !== 'String') {
      expect(inner[2]).toBe('LowCardinality(String)')
      expect(this.uint(8)).toBe(1)
      return this.#arrays(rows, (count) => (count ? this.#lowCardinality('String', count) : []))
    }
    if (inner?.[1] === 'Array') return this.#arrays(rows, (count) => this.values('String', count))
    const width = { UInt8: 1, UInt16: 2, UInt32: 4, UInt64: 8, DateTime: 4 }[type]
    if (width === undefined) throw new Error(`a type that the test does not know: ${type}`)
    return this.times(rows, () => this.uint(width))
  }

  #arrays(rows: number, read: (count: number) => unknown[]): unknown[] {
    const ends = this.times(rows, () => this.uint(8))
    const all = read(ends.at(-1) ?? 0)
    return ends.map((end, n) => all.slice(ends[n - 1] ?? 0, end))
  }

  #lowCardinality(type: string, rows: number): unknown[] {
    const flags = this.uint(8)
    const keys = this.values(type, this.uint(8))
    expect(this.uint(8)).toBe(rows)
    return this.times(rows, () => keys[this.uint(2 ** (flags & 0xff))])
  }

  /** Rows of all blocks, as a client of this protocol reads them. */
  rows(protocol: number): unknown[][] {
    const all: unknown[][] = []
    while (!this.isAtEnd) {
      expect([this.number(), this.uint(1), this.number()]).toEqual([1, 0, 2])
      expect([this.take(4).readInt32LE(), this.number()]).toEqual([-1, 0])
      const [columns, rows] = [this.number(), this.number()]
      const values = this.times(columns, () => {
        const [, type] = [this.text(), this.text()]
        if (protocol >= 54_454) expect(this.uint(1)).toBe(0)
        return this.values(type, rows)
      })
      all.push(...this.times(rows, () => []).map((_, n) => values.map((column) => column[n])))
    }
    return all
  }
}

describe.skipIf(!hasEngine())('Native over HTTP', () => {
  let engine: TestEngine
  let db: ClickHouse
  beforeAll(async () => {
    engine = await TestEngine.start({ listen: { host: '127.0.0.1', port: 0 }, password: PASSWORD })
    db = await engine.connect()
  })
  afterAll(async () => {
    await db?.close()
    await engine?.close()
  })

  /** As the plugin does: POST, credentials as headers, zipped, whatever settings it has as parameters. */
  function ask(sql: string, protocol: number | string = GO) {
    const query = new URLSearchParams({
      database: 'default',
      default_format: 'Native',
      client_protocol_version: String(protocol),
      enable_http_compression: '1',
      max_execution_time: '60',
    })
    const headers = {
      'X-ClickHouse-User': 'reader',
      'X-ClickHouse-Key': PASSWORD,
      'Accept-Encoding': 'gzip',
    }
    return new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
      const url = `${engine.address.readers}/?${query}`
      const asked = request(url, { method: 'POST', headers, agent: false }, (answer) => {
        const isZipped = answer.headers['content-encoding'] === 'gzip'
        buffer(answer).then((bytes) => {
          const body = isZipped ? gunzipSync(bytes) : bytes
          resolve({ status: answer.statusCode ?? 0, body })
        }, reject)
      })
      asked.once('error', reject)
      asked.end(sql)
    })
  }

  async function rows(sql: string, protocol = GO): Promise<unknown[][]> {
    const { status, body } = await ask(sql, protocol)
    expect({ status, text: status === 200 ? '' : body.toString() }).toEqual({
      status: 200,
      text: '',
    })
    return new Reader(body).rows(protocol)
  }

  it('answers what a client asks first', async () => {
    const [[name, version, revision, zone] = []] = await rows(
      'SELECT displayName(), version(), revision(), timezone()',
    )
    expect(name).toEqual(expect.any(String))
    expect(version).toBe(db.version)
    expect(revision).toBeGreaterThan(54_454)
    expect(zone).toBe('UTC')
    expect(await rows('SELECT 1')).toEqual([[1]])
  })

  const MANY = `SELECT number AS n, toDateTime(number) AS ts, concat('10.0.0.', toString(number % 256)) AS sa,
      toLowCardinality(toString(number % 300)) AS prs, toUInt16(number) AS port,
      if(number % 3 = 0, NULL, toString(number)) AS maybe,
      arrayMap(x -> toString(x), range(number % 4)) AS list,
      arrayMap(x -> toLowCardinality(toString(x)), range(number % 3)) AS words,
      toLowCardinality(if(number % 5 = 0, NULL, toString(number))) AS rare
    FROM numbers(200000)`

  it.each([54_405, 54_453, 54_454, GO, 54_483])(
    'protocol %i: all rows as they are',
    async (protocol) => {
      const columns = 'n, ts, sa, prs, port, maybe, list, words'
      const found = await rows(`SELECT ${columns} FROM (${MANY})`, protocol)
      const wanted = await db.rows<Record<string, unknown>>(
        `SELECT toUInt32(n) AS n, toUnixTimestamp(ts) AS ts, sa, prs, port, maybe, list, words FROM (${MANY})`,
      )
      expect(found).toHaveLength(200_000)
      expect(found).toEqual(wanted.map((row) => Object.values(row)))
    },
  )

  it('answers nothing where there is nothing', async () => {
    expect(await rows('SELECT 1 AS a WHERE a = 2')).toEqual([])
    expect(
      await rows('SELECT arrayMap(x -> toLowCardinality(toString(x)), range(0)) AS a'),
    ).toEqual([[[]]])
  })

  it('goes through all of any type that has a layout', async () => {
    const types = [
      "CAST('a' AS Enum8('a' = 1, 'b,)''(' = 2))",
      "CAST((1, 'x'), 'Tuple(a UInt8, `b c` String)')",
      "map('k', [1, 2], 'l', [])",
      "CAST(map('k', 'v'), 'Map(LowCardinality(String), LowCardinality(Nullable(String)))')",
      "toDateTime64('2026-11-22 12:00:00', 3, 'Europe/Berlin')",
      'toDecimal32(1, 2), toDecimal64(1, 2), toDecimal128(1, 2), toDecimal256(1, 2)',
      "toIPv4('192.0.2.1'), toIPv6('2001:db8::1'), generateUUIDv4(), toFixedString('abc', 3)",
      'toInt256(1), toUInt128(1), toFloat32(1), 1.5, true, today(), toDate32(today())',
      'NULL, [NULL], [[1], []], INTERVAL 1 DAY, tuple()',
      "[(1, toLowCardinality('x'), [toLowCardinality('y')])]",
    ]
    for (const type of types) {
      const { status, body } = await ask(`SELECT ${type}, 'end' FROM numbers(3)`)
      expect([type, status === 200 ? 200 : body.toString()]).toEqual([type, 200])
      // The last column is found: its texts stand at the end.
      expect(body.subarray(-13).toString()).toBe('\0\u0003end\u0003end\u0003end')
    }
  })

  it.each([
    ['an old protocol', 'SELECT 1', 54_000],
    ['no number', 'SELECT 1', 'x'],
    ['a state of an aggregation', 'SELECT sumState(1)', GO],
  ])('says what it does not know: %s', async (_, sql, protocol) => {
    const { status, body } = await ask(sql, protocol)
    expect(status).toBe(400)
    expect(body.toString()).toMatch(/does not know .*BAD_ARGUMENTS/)
  })

  it('is the same however the blocks arrive', async () => {
    const plain = await new Promise<Buffer>((resolve, reject) => {
      const path = '/?default_format=Native'
      const asked = request(
        { socketPath: engine.address.socket, path, method: 'POST' },
        (answer) => {
          buffer(answer).then(resolve, reject)
        },
      )
      asked.end(MANY.replace('numbers(200000)', 'numbers(50)'))
    })
    const framedIn = async (pieces: readonly Buffer[]) => {
      async function* some() {
        yield* pieces
      }
      const out: Uint8Array[] = []
      for await (const piece of await framed(some(), GO)) out.push(piece)
      return Buffer.concat(out)
    }
    const whole = await framedIn([plain])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(plain.length), { maxLength: 8 }), async (at) => {
        const cuts = [0, ...at.toSorted((a, b) => a - b), plain.length]
        const pieces = cuts.slice(1).map((cut, n) => plain.subarray(cuts[n], cut))
        expect((await framedIn(pieces)).equals(whole)).toBe(true)
      }),
      fuzz(500),
    )
    await expect(framedIn([plain.subarray(0, -1)])).rejects.toThrow('mid-block')
  })
})
