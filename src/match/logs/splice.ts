/**
 * Adding to a JSON line without writing it anew: numbers, blanks, doubled keys and odd bytes stay as
 * they came. Works on bytes of a line that JSON.parse has accepted.
 */

const [SPACE, QUOTE, COMMA, BACKSLASH] = [0x20, 0x22, 0x2c, 0x5c]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d]

export interface Appended {
  readonly parent: string
  readonly lists: readonly List[]
}

/** JSON texts; what is added to the array `parent.child`. */
export interface List {
  readonly child: string
  readonly items: readonly string[]
}

/**
 * Appends to the arrays, which are made where they are missing, found whether they are nested or their
 * names dotted; a value that stands there alone becomes the first element. `document`: the line as
 * JSON.parse reads it. Most have neither name, and then nothing of the line need be read again.
 */
export function appendTo(line: Buffer, document: object, { parent, lists }: Appended): Buffer {
  const full = lists.filter(({ items }) => items.length > 0)
  if (full.length === 0) return line
  const isThere = ({ child }: List) => Object.hasOwn(document, `${parent}.${child}`)
  if (Object.hasOwn(document, parent) || full.some(isThere)) {
    return full.reduce((added, list) => extendList(added, parent, list), line)
  }
  const member = `${quoted(parent)}:{${full.map(membered).join(',')}}`
  const isEmpty = Object.keys(document).length === 0
  return insert(line, line.lastIndexOf(CLOSE_OBJECT), isEmpty ? member : `,${member}`)
}

function extendList(line: Buffer, parent: string, added: List): Buffer {
  const { child, items } = added
  const list = items.join(',')
  const root = membersOf(line, line.indexOf(OPEN_OBJECT))
  const dotted = root.byKey.get(`${parent}.${child}`)
  if (dotted) return extendValue(line, dotted, list)
  const nested = root.byKey.get(parent)
  if (!nested) return addMember(line, root, `${quoted(parent)}:{${membered(added)}}`)
  if (isNull(line, nested)) return replace(line, nested, `{${membered(added)}}`)
  if (line[nested.start] !== OPEN_OBJECT) {
    return addMember(line, root, `${quoted(`${parent}.${child}`)}:[${list}]`)
  }
  const inside = membersOf(line, nested.start)
  const value = inside.byKey.get(child)
  if (value) return extendValue(line, value, list)
  return addMember(line, inside, membered(added))
}

function membered({ child, items }: List): string {
  return `${quoted(child)}:[${items.join(',')}]`
}

/** A value's bytes: from its first to behind its last. */
interface Span {
  readonly start: number
  readonly end: number
}

interface Members {
  /** As JSON.parse reads them: of doubles the last. */
  readonly byKey: ReadonlyMap<string, Span>
  /** Of the closing brace. */
  readonly close: number
}

function membersOf(line: Buffer, open: number): Members {
  const byKey = new Map<string, Span>()
  let at = skipBlanks(line, open + 1)
  while (line[at] !== CLOSE_OBJECT) {
    const keyEnd = skipString(line, at)
    const key = JSON.parse(line.toString('utf8', at, keyEnd)) as string
    const start = skipBlanks(line, skipBlanks(line, keyEnd) + 1)
    const end = skipValue(line, start)
    byKey.set(key, { start, end })
    at = skipBlanks(line, end)
    if (line[at] === COMMA) at = skipBlanks(line, at + 1)
  }
  return { byKey, close: at }
}

function addMember(line: Buffer, { byKey, close }: Members, member: string): Buffer {
  return insert(line, close, byKey.size > 0 ? `,${member}` : member)
}

function extendValue(line: Buffer, value: Span, list: string): Buffer {
  if (isNull(line, value)) return replace(line, value, `[${list}]`)
  if (line[value.start] !== OPEN_ARRAY) {
    return insert(insert(line, value.end, `,${list}]`), value.start, '[')
  }
  const isEmpty = skipBlanks(line, value.start + 1) === value.end - 1
  return insert(line, value.end - 1, isEmpty ? list : `,${list}`)
}

function isNull(line: Buffer, { start }: Span): boolean {
  return line[start] === 0x6e
}

function insert(line: Buffer, at: number, text: string): Buffer {
  return replace(line, { start: at, end: at }, text)
}

function replace(line: Buffer, { start, end }: Span, text: string): Buffer {
  return Buffer.concat([line.subarray(0, start), Buffer.from(text), line.subarray(end)])
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function skipBlanks(line: Buffer, at: number): number {
  let next = at
  while (line[next]! <= SPACE) next += 1
  return next
}

/** Behind the closing quote. */
function skipString(line: Buffer, at: number): number {
  let next = at + 1
  while (line[next] !== QUOTE) next += line[next] === BACKSLASH ? 2 : 1
  return next + 1
}

function skipValue(line: Buffer, at: number): number {
  const first = line[at]!
  if (first === QUOTE) return skipString(line, at)
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return skipContainer(line, at)
  let next = at
  while (!ENDS_LITERAL.has(line[next]!)) next += 1
  return next
}

const ENDS_LITERAL = new Set([0x09, 0x0a, 0x0d, SPACE, COMMA, CLOSE_OBJECT, CLOSE_ARRAY])

function skipContainer(line: Buffer, at: number): number {
  let depth = 0
  let next = at
  do {
    const byte = line[next]!
    if (byte === QUOTE) next = skipString(line, next) - 1
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1
    next += 1
  } while (depth > 0)
  return next
}
