/**
 * Reads a regular expression of a warninglist: PCRE as MISP hands it to PHP (`/.../i`), or bare.
 * What a machine without backtracking can't do (back references, look-around) is refused, and so is
 * what would silently mean something else to us.
 */

export type CharTest = (code: number) => boolean
export type Assertion = 'start' | 'end' | 'boundary' | 'no-boundary'

export type Node =
  | { readonly type: 'char'; readonly test: CharTest }
  | { readonly type: 'assertion'; readonly assertion: Assertion }
  | { readonly type: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly type: 'choice'; readonly nodes: readonly Node[] }
  | { readonly type: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

/** Why a pattern was refused. */
export class PatternRefused extends Error {}

const LONGEST_PATTERN = 1000
const DEEPEST_GROUP = 50
const DELIMITED = /^([/#~@!%])(.*)\1([a-zA-Z]*)$/s
/** Flags that change nothing here: UTF-8, ungreedy, study, dollar at the very end. */
const HARMLESS_FLAGS = /[uUSD]/g
const QUANTIFIER = /\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/y
const CLASS_ESCAPES = 'dDwWsS'
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, e: 27, 0: 0 }
const ANCHORS: Readonly<Record<string, Assertion>> = {
  A: 'start',
  z: 'end',
  Z: 'end',
  b: 'boundary',
  B: 'no-boundary',
}

/** @throws PatternRefused */
export function parsePattern(text: string): Node {
  if (text.length > LONGEST_PATTERN) throw new PatternRefused('is longer than 1000 characters')
  const [, , delimited, flags = ''] = DELIMITED.exec(text) ?? []
  const source = delimited ?? text
  const inline = /^\(\?([a-z]+)\)/.exec(source)
  const parser = new Parser(source.slice(inline?.[0].length ?? 0), flags + (inline?.[1] ?? ''))
  return parser.parse()
}

class Parser {
  readonly #source: string
  readonly #flags: string
  #at = 0
  #depth = 0

  constructor(source: string, flags: string) {
    const rest = flags.replace(HARMLESS_FLAGS, '')
    if (/[^is]/.test(rest)) throw new PatternRefused(`has a flag that is not supported: ${rest}`)
    this.#source = source
    this.#flags = rest
  }

  parse(): Node {
    const node = this.#choice()
    if (this.#at < this.#source.length) throw new PatternRefused('has a ) too many')
    return node
  }

  #choice(): Node {
    const nodes = [this.#sequence()]
    while (this.#take('|')) nodes.push(this.#sequence())
    return nodes.length === 1 ? (nodes[0] as Node) : { type: 'choice', nodes }
  }

  #sequence(): Node {
    const nodes: Node[] = []
    while (this.#at < this.#source.length && !this.#next('|') && !this.#next(')')) {
      nodes.push(this.#repeated(this.#atom()))
    }
    return { type: 'sequence', nodes }
  }

  #repeated(node: Node): Node {
    const bounds = this.#bounds()
    if (!bounds) return node
    if (node.type === 'assertion') throw new PatternRefused('repeats an anchor')
    if (bounds.max < bounds.min) throw new PatternRefused('repeats from more to less')
    if (this.#take('+')) throw new PatternRefused('has a possessive quantifier')
    this.#take('?')
    if (this.#bounds()) throw new PatternRefused('has a quantifier with nothing to repeat')
    return { type: 'repeat', node, ...bounds }
  }

  #bounds(): { min: number; max: number } | null {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { min: 0, max: 1 }
    QUANTIFIER.lastIndex = this.#at
    const match = QUANTIFIER.exec(this.#source)
    if (!match) return null
    this.#at += match[0].length
    const min = Number(match[1])
    if (!match[2]) return { min, max: min }
    return { min, max: match[3] ? Number(match[3]) : Number.POSITIVE_INFINITY }
  }

  #atom(): Node {
    const char = this.#source[this.#at++] as string
    if (char === '(') return this.#group()
    if (char === '[') return this.#class()
    if (char === '\\') return this.#escape()
    if (char === '^') return { type: 'assertion', assertion: 'start' }
    if (char === '$') return { type: 'assertion', assertion: 'end' }
    if (char === '.') return { type: 'char', test: this.#any() }
    if ('*+?'.includes(char)) throw new PatternRefused('has a quantifier with nothing to repeat')
    return this.#literal(char.charCodeAt(0))
  }

  #group(): Node {
    this.#depth += 1
    if (this.#depth > DEEPEST_GROUP) throw new PatternRefused('has too many groups in each other')
    if (this.#next('*')) throw new PatternRefused('has a (* control verb')
    if (this.#next('?')) this.#groupHead()
    const node = this.#choice()
    if (!this.#take(')')) throw new PatternRefused('has a ( that is not closed')
    this.#depth -= 1
    return node
  }

  #groupHead(): void {
    const head = /\?(:|P?<[A-Za-z_]\w*>)/y
    head.lastIndex = this.#at
    const match = head.exec(this.#source)
    if (!match) throw new PatternRefused('has look-around, or another kind of (? group')
    this.#at += match[0].length
  }

  #escape(): Node {
    const char = this.#source[this.#at++]
    if (char === undefined) throw new PatternRefused('ends in a backslash')
    const assertion = ANCHORS[char]
    if (assertion) return { type: 'assertion', assertion }
    if (CLASS_ESCAPES.includes(char)) return this.#native(`\\${char}`)
    if (char in CONTROLS) return this.#literal(CONTROLS[char] as number)
    if (char === 'x') return this.#hex()
    if (/[A-Za-z0-9]/.test(char)) throw new PatternRefused(`uses \\${char}`)
    return this.#literal(char.charCodeAt(0))
  }

  #hex(): Node {
    const hex = /([0-9a-f]{2})|\{([0-9a-f]{1,4})\}/iy
    hex.lastIndex = this.#at
    const match = hex.exec(this.#source)
    if (!match) throw new PatternRefused('has a \\x without a number')
    this.#at += match[0].length
    return this.#literal(Number.parseInt(match[1] ?? match[2] ?? '', 16))
  }

  /** The text of the class goes to the built-in engine, which sees one character at a time. */
  #class(): Node {
    const start = this.#at
    if (this.#next('^')) this.#at += 1
    const literalBracket = this.#next(']')
    if (literalBracket) this.#at += 1
    while (!this.#next(']')) {
      if (this.#at >= this.#source.length) throw new PatternRefused('has a [ that is not closed')
      if (this.#next('[') && /[:.=]/.test(this.#source[this.#at + 1] ?? '')) {
        throw new PatternRefused('has a POSIX class')
      }
      if (this.#next('\\')) this.#checkClassEscape()
      this.#at += 1
    }
    const body = this.#source.slice(start, this.#at++)
    return this.#native(`[${literalBracket ? body.replace(']', '\\]') : body}]`)
  }

  #checkClassEscape(): void {
    this.#at += 1
    const char = this.#source[this.#at] ?? ''
    const known = `${CLASS_ESCAPES}tnvfrb0`.includes(char)
    const hex = /^x[0-9a-f]{2}/i.test(this.#source.slice(this.#at, this.#at + 3))
    if (/[A-Za-z0-9]/.test(char) && !known && !hex) {
      throw new PatternRefused(`uses \\${char} in a class`)
    }
  }

  #literal(code: number): Node {
    if (!this.#flags.includes('i')) return { type: 'char', test: (other) => other === code }
    const char = String.fromCharCode(code)
    const lower = char.toLowerCase().charCodeAt(0)
    const upper = char.toUpperCase().charCodeAt(0)
    return { type: 'char', test: (other) => other === lower || other === upper }
  }

  #any(): CharTest {
    return this.#flags.includes('s') ? () => true : (code) => code !== 10
  }

  #native(charClass: string): Node {
    return { type: 'char', test: nativeTest(charClass, this.#flags.includes('i') ? 'i' : '') }
  }

  #next(char: string): boolean {
    return this.#source[this.#at] === char
  }

  #take(char: string): boolean {
    const taken = this.#next(char)
    if (taken) this.#at += 1
    return taken
  }
}

function nativeTest(charClass: string, flags: string): CharTest {
  const regex = compileClass(charClass, flags)
  const ascii = Uint8Array.from({ length: 128 }, (_, code) =>
    regex.test(String.fromCharCode(code)) ? 1 : 0,
  )
  return (code) => (code < 128 ? ascii[code] === 1 : regex.test(String.fromCharCode(code)))
}

function compileClass(charClass: string, flags: string): RegExp {
  try {
    return new RegExp(`^${charClass}$`, `${flags}s`)
  } catch (cause) {
    throw new PatternRefused(`has a class that can't be read: ${charClass}`, { cause })
  }
}
