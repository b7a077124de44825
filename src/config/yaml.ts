/**
 * YAML 1.2 with a place for every value. Bounded whatever the text holds: deep nesting (on which a
 * composer overflows the stack) is refused before composing, and what aliases expand to is counted.
 * Messages never quote the text, because a line that can't be parsed may hold a key.
 */
import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml'
import type { ConfigProblem } from '../errors.js'
import { dotted, isRecord, type Path } from './path.js'

export interface Place {
  readonly line: number
  readonly column: number
}

export interface ConfigTree {
  /** Plain maps, lists and scalars; undefined for an empty document. */
  readonly data: unknown
  /** Where the value at this path stands, or that of the nearest ancestor which is there. */
  readonly placeOf: (path: Path) => Place
  /** Where its key stands; of a list item, the item. */
  readonly keyPlaceOf: (path: Path) => Place
}

export type ParsedYaml =
  | { readonly ok: true; readonly tree: ConfigTree }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** `text` keeps scalars as they are written, quotes off, for files whose reader had rules of its own. */
export type ScalarMode = 'typed' | 'text'

const MAX_STACK = 256
const MAX_NODES = 50_000

export function parseYaml(text: string, scalars: ScalarMode = 'typed'): ParsedYaml {
  const lines = new LineCounter()
  const composed = compose(text, lines)
  if ('problem' in composed) return { ok: false, problems: [composed.problem] }
  const faults = [...composed.document.errors, ...composed.document.warnings]
  if (faults.length > 0) return { ok: false, problems: syntaxProblems(faults, lines) }
  return new PlainReader(composed.document, lines, scalars).read()
}

function compose(
  text: string,
  lines: LineCounter,
): { document: Document.Parsed } | { problem: ConfigProblem } {
  lines.addNewLine(0)
  const parser = new Parser(lines.addNewLine)
  const tokens = []
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme))
    if (parser.stack.length > MAX_STACK) {
      return { problem: { ...place(lines, parser.offset), message: 'nested too deep' } }
    }
  }
  tokens.push(...parser.end())
  const options = {
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
  } as const
  const [document, second] = new Composer(options).compose(tokens, true, text.length)
  if (second) {
    const at = place(lines, second.range[0])
    return { problem: { ...at, message: 'a second document; a config is one document' } }
  }
  return { document: document as Document.Parsed }
}

const SYNTAX: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'a tab; YAML is indented with spaces only',
  BAD_INDENT: 'wrong indentation, or a bracket that is never closed',
  BAD_SCALAR_START: 'a text that starts with this character must stand in quotes',
  BAD_DQ_ESCAPE:
    'unknown escape in double quotes; write \\\\ for a backslash, or use single quotes',
  BLOCK_AS_IMPLICIT_KEY: 'wrong indentation, or a second ": " on the line; put the value in quotes',
  MULTILINE_IMPLICIT_KEY: 'no colon after this key, or wrong indentation',
  MISSING_CHAR: 'a colon, quote, comma or bracket is missing here or above, or wrong indentation',
  UNEXPECTED_TOKEN: 'nothing may stand here; put the value in quotes if this belongs to it',
  TAG_RESOLVE_FAILED: 'a tag (!...) has no meaning here; put the value in quotes',
  RESOURCE_EXHAUSTION: 'nested too deep',
}

/** One for each line: a slip makes the parser stumble several times. */
function syntaxProblems(faults: readonly YAMLError[], lines: LineCounter): ConfigProblem[] {
  const byLine = new Map<number, ConfigProblem>()
  for (const fault of faults) {
    const at = place(lines, fault.pos[0])
    if (byLine.has(at.line)) continue
    byLine.set(at.line, { ...at, message: SYNTAX[fault.code] ?? 'not valid YAML' })
  }
  return [...byLine.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

/** Turns nodes into plain data; resolves aliases and `<<`, remembers every place. */
class PlainReader {
  readonly #document: Document.Parsed
  readonly #lines: LineCounter
  readonly #scalars: ScalarMode
  readonly #anchors = new Map<string, Node>()
  readonly #open = new Set<Node>()
  readonly #values = new Map<string, Place>()
  readonly #keys = new Map<string, Place>()
  readonly #problems: ConfigProblem[] = []
  #nodes = 0

  constructor(document: Document.Parsed, lines: LineCounter, scalars: ScalarMode) {
    this.#document = document
    this.#lines = lines
    this.#scalars = scalars
  }

  read(): ParsedYaml {
    const data = this.#plain(this.#document.contents, [])
    if (this.#nodes > MAX_NODES) return { ok: false, problems: [this.#tooMuch()] }
    if (this.#problems.length > 0) return { ok: false, problems: this.#problems }
    const keyPlaceOf = (path: Path) => this.#keys.get(id(path)) ?? this.#placeOf(path)
    return { ok: true, tree: { data, placeOf: (path) => this.#placeOf(path), keyPlaceOf } }
  }

  #placeOf(path: Path): Place {
    for (let length = path.length; length > 0; length--) {
      const known = this.#values.get(id(path.slice(0, length)))
      if (known) return known
    }
    return this.#values.get(id([])) ?? { line: 1, column: 1 }
  }

  #plain(node: Node | null, path: Path): unknown {
    if (node === null) return undefined
    this.#nodes += 1
    if (this.#nodes > MAX_NODES) return undefined
    const at = this.#place(node)
    if (at) this.#values.set(id(path), at)
    if (isAlias(node)) return this.#target(node.source, node, path)
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    if (isScalar(node)) return this.#scalar(node)
    this.#open.add(node)
    const plain = isMap(node) ? this.#map(node, path) : isSeq(node) ? this.#list(node, path) : null
    this.#open.delete(node)
    return plain
  }

  #scalar(node: Scalar): unknown {
    if (this.#scalars === 'typed') return node.value
    return node.value === null ? '' : (node.source ?? String(node.value))
  }

  #list(node: { items: readonly unknown[] }, path: Path): unknown[] {
    return node.items.map((item, index) => this.#plain(item as Node, [...path, index]))
  }

  #map(node: YAMLMap, path: Path): Record<string, unknown> {
    const entries = new Map<string, unknown>()
    const merges: Node[] = []
    for (const pair of node.items as Pair<Node | null, Node | null>[]) {
      if (isMerge(pair.key) && pair.value) merges.push(pair.value)
      else this.#entry(pair, path, entries)
    }
    for (const merge of merges) this.#merge(merge, path, entries)
    return Object.fromEntries(entries)
  }

  /** A key without a value is as good as none: under `policy:` everything may be commented out. */
  #entry(pair: Pair<Node | null, Node | null>, path: Path, entries: Map<string, unknown>): void {
    const key = isScalar(pair.key) ? (pair.key.source ?? String(pair.key.value)) : undefined
    if (key === undefined || key === '') {
      this.#fail(pair.key ?? pair.value, path, 'a key must be a plain word')
      return
    }
    const here = [...path, key]
    if (entries.has(key)) {
      const first = this.#keys.get(id(here))
      this.#fail(pair.key, here, `this key stands twice; the first is in line ${first?.line}`)
      return
    }
    const at = pair.key && this.#place(pair.key)
    if (at) this.#keys.set(id(here), at)
    entries.set(key, this.#plain(pair.value, here) ?? undefined)
  }

  /** What stands in the map itself wins over what is merged, and an earlier source over a later. */
  #merge(source: Node, path: Path, entries: Map<string, unknown>): void {
    const merged = this.#plain(source, [...path, '<<'])
    for (const part of Array.isArray(merged) ? merged : [merged]) {
      if (!isRecord(part)) {
        this.#fail(source, path, '<< takes a mapping or a list of mappings')
        return
      }
      for (const [key, value] of Object.entries(part)) {
        if (!entries.has(key)) entries.set(key, value)
      }
    }
  }

  #target(name: string, alias: Node, path: Path): unknown {
    const node = this.#anchors.get(name)
    if (!node) return this.#fail(alias, path, 'this alias (*) names no anchor (&) above it')
    if (this.#open.has(node))
      return this.#fail(alias, path, 'this alias (*) lies inside its anchor')
    return this.#plain(node, path)
  }

  #tooMuch(): ConfigProblem {
    return { message: `more than ${MAX_NODES} values, counting what aliases expand to` }
  }

  #fail(node: Node | null | undefined, path: Path, message: string): undefined {
    const at = (node && this.#place(node)) ?? this.#placeOf(path)
    this.#problems.push({ ...at, ...(path.length > 0 && { key: dotted(path) }), message })
  }

  #place(node: Node): Place | undefined {
    return node.range ? place(this.#lines, node.range[0]) : undefined
  }
}

function isMerge(key: Node | null): boolean {
  return isScalar(key) && key.type === Scalar.PLAIN && key.source === '<<'
}

function id(path: Path): string {
  return JSON.stringify(path)
}

function place(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}
