/**
 * Blocks of the format Native, as a client of a newer protocol reads them. chDB writes those of revision 0;
 * who names a `client_protocol_version`, as clickhouse-go and with it Grafana's plugin do, expects a head
 * before each block and a byte before each column's data. To know where a column ends, all of its data has
 * to be gone through. Layouts: ClickHouse's specification of the format Native.
 */
import { CODES, EngineFault } from './fault.js'

/** Older ones want `LowCardinality` taken out. */
export const OLDEST_PROTOCOL = 54_405
/** From here on a column says how it is serialised; 0: plainly. */
const WITH_SERIALISATION = 54_454
/** No overflows, no bucket. */
const HEAD = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
const PLAIN = Buffer.from([0])

/**
 * `version`: not older than that. Answers when the first block is there, so that a type which it does not
 * know still gets an honest status. @throws EngineFault
 */
export async function framed(
  pieces: AsyncIterable<Uint8Array>,
  version: number,
): Promise<AsyncIterable<Uint8Array>> {
  const blocks = framing(pieces, version < WITH_SERIALISATION ? null : PLAIN)
  const first = await blocks.next()
  async function* all() {
    try {
      for (let block = first; !block.done; block = await blocks.next()) yield block.value
    } finally {
      await blocks.return(undefined)
    }
  }
  return all()
}

async function* framing(
  pieces: AsyncIterable<Uint8Array>,
  before: Uint8Array | null,
): AsyncGenerator<Uint8Array, void> {
  let rest = Buffer.alloc(0)
  for await (const piece of pieces) {
    rest = rest.length > 0 ? Buffer.concat([rest, piece]) : Buffer.from(piece)
    for (let block = blockIn(rest); block !== null; block = blockIn(rest)) {
      yield Buffer.concat([HEAD, ...slicesOf(rest, block, before)])
      rest = rest.subarray(block.end)
    }
  }
  if (rest.length > 0) throw new EngineFault(CODES.unknownException, 'an answer ended in mid-block')
}

interface Block {
  /** Where the data of each column begins. */
  readonly columns: readonly number[]
  readonly end: number
}

function* slicesOf(
  bytes: Buffer,
  { columns, end }: Block,
  before: Uint8Array | null,
): Generator<Uint8Array> {
  let from = 0
  for (const column of before === null ? [] : columns) {
    yield bytes.subarray(from, column)
    if (before) yield before
    from = column
  }
  yield bytes.subarray(from, end)
}

/** null: there is no whole one. */
function blockIn(bytes: Buffer): Block | null {
  const cursor = new Cursor(bytes)
  const columns: number[] = []
  try {
    const [count, rows] = [cursor.varUint(), cursor.varUint()]
    for (let column = 0; column < count; column += 1) {
      cursor.text()
      const layout = layoutOf(cursor.text())
      columns.push(cursor.at)
      // Of no rows nothing is written, not even what would stand before them.
      if (rows === 0) continue
      layout.prefix(cursor)
      layout.data(cursor, rows)
    }
    return { columns, end: cursor.at }
  } catch (error) {
    if (error === SHORT) return null
    throw error
  }
}

const SHORT = new RangeError('there is more to come')

class Cursor {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  skip(count: number): number {
    const from = this.at
    this.at += count
    if (this.at > this.#bytes.length) throw SHORT
    return from
  }

  varUint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.skip(1)]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  text(): string {
    const length = this.varUint()
    const from = this.skip(length)
    return this.#bytes.toString('utf8', from, from + length)
  }

  uint64(): number {
    return Number(this.#bytes.readBigUInt64LE(this.skip(8)))
  }
}

/** How far the data of a type goes. */
interface Layout {
  /** Before the data of the whole column. */
  prefix(cursor: Cursor): void
  data(cursor: Cursor, rows: number): void
}

/** Bytes of a value. */
const WIDTHS: Readonly<Record<string, number>> = {
  Int8: 1,
  Int16: 2,
  Int32: 4,
  Int64: 8,
  Int128: 16,
  Int256: 32,
  UInt8: 1,
  UInt16: 2,
  UInt32: 4,
  UInt64: 8,
  UInt128: 16,
  UInt256: 32,
  BFloat16: 2,
  Float32: 4,
  Float64: 8,
  Bool: 1,
  Enum8: 1,
  Enum16: 2,
  Date: 2,
  Date32: 4,
  DateTime: 4,
  DateTime64: 8,
  Time: 4,
  Time64: 8,
  UUID: 16,
  IPv4: 4,
  IPv6: 16,
  Nothing: 1,
}

function layoutOf(type: string): Layout {
  const { name, given } = partsOf(type)
  const inner = (at: number) => layoutOf(given[at] ?? '')
  const width = WIDTHS[name] ?? (name.startsWith('Interval') ? 8 : undefined)
  if (width !== undefined) return fixed(width)
  switch (name) {
    case 'String':
      return STRING
    case 'FixedString':
      return fixed(Number(given[0]))
    case 'Decimal':
      return fixed(widthOfDecimal(Number(given[0])))
    case 'Nullable':
      return nullable(inner(0))
    case 'LowCardinality':
      return lowCardinality(given[0] ?? '')
    case 'Array':
      return array(inner(0))
    case 'Tuple':
      return tuple(given.map((element) => layoutOf(typeIn(element))))
    case 'Nested':
      return array(tuple(given.map((element) => layoutOf(typeIn(element)))))
    case 'Map':
      return array(tuple([inner(0), inner(1)]))
    case 'SimpleAggregateFunction':
      return inner(1)
    default:
      throw unknown(`a column of type ${type.slice(0, 100)} under a client_protocol_version`)
  }
}

const nothing = () => undefined

function fixed(width: number): Layout {
  return { prefix: nothing, data: (cursor, rows) => void cursor.skip(width * rows) }
}

function widthOfDecimal(digits: number): number {
  if (digits <= 9) return 4
  if (digits <= 18) return 8
  return digits <= 38 ? 16 : 32
}

const STRING: Layout = {
  prefix: nothing,
  data: (cursor, rows) => {
    for (let row = 0; row < rows; row += 1) cursor.skip(cursor.varUint())
  },
}

/** Which of them are null, then all of them. */
function nullable({ prefix, data }: Layout): Layout {
  return {
    prefix,
    data: (cursor, rows) => {
      cursor.skip(rows)
      data(cursor, rows)
    },
  }
}

/** Different values, then for each row the number of one. A null is one of the values. */
function lowCardinality(type: string): Layout {
  const { name, given } = partsOf(type)
  const values = layoutOf(name === 'Nullable' ? (given[0] ?? '') : type)
  return {
    prefix: (cursor) => void cursor.skip(8),
    data: (cursor, rows) => {
      // Of the elements of empty arrays.
      if (rows === 0) return
      const width = 2 ** (cursor.uint64() & 0xff)
      values.data(cursor, cursor.uint64())
      cursor.skip(width * cursor.uint64())
    },
  }
}

/** Where each ends, then the elements of all. */
function array({ prefix, data }: Layout): Layout {
  return {
    prefix,
    data: (cursor, rows) => {
      if (rows === 0) return
      cursor.skip(8 * (rows - 1))
      data(cursor, cursor.uint64())
    },
  }
}

function tuple(elements: readonly Layout[]): Layout {
  return {
    prefix: (cursor) => {
      for (const { prefix } of elements) prefix(cursor)
    },
    data: (cursor, rows) => {
      // One without elements has a byte for each row all the same.
      if (elements.length === 0) cursor.skip(rows)
      for (const { data } of elements) data(cursor, rows)
    },
  }
}

/** `Map(String, Array(UInt8))` is `Map`, given `String` and `Array(UInt8)`. */
function partsOf(type: string): { name: string; given: readonly string[] } {
  const open = type.indexOf('(')
  if (open < 0) return { name: type, given: [] }
  return { name: type.slice(0, open), given: listed(type.slice(open + 1, -1)) }
}

/** Words, quoted texts, brackets. */
const PIECES = /'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[^'`]/gsu

function listed(text: string): string[] {
  const found: string[] = []
  let [depth, piece] = [0, '']
  for (const [part] of text.matchAll(PIECES)) {
    if (part === '(') depth += 1
    if (part === ')') depth -= 1
    if (part === ',' && depth === 0) {
      found.push(piece.trim())
      piece = ''
    } else piece += part
  }
  return piece.trim() === '' ? found : [...found, piece.trim()]
}

/** Elements of a tuple may have names: `a UInt8`, or in backticks. */
function typeIn(element: string): string {
  return /^(?:`(?:[^`\\]|\\.)*`|\w+) (.+)$/s.exec(element)?.[1] ?? element
}

function unknown(what: string): EngineFault {
  const hint = 'ask for another format, such as JSONEachRow'
  return new EngineFault(
    CODES.badArguments,
    `the embedded engine does not know ${what}; ${hint} (BAD_ARGUMENTS)`,
  )
}
