/**
 * INI files by the rules of Python's configparser, which nothing on npm keeps: comments are whole lines
 * only, so values may hold `#` and `;`; deeper lines go on a value; `%(name)s` and `%%` are read.
 */
import type { ConfigProblem } from '../errors.js'
import type { LocatedProblem, Path } from './path.js'
import type { ConfigTree, Place } from './yaml.js'

/** By section and key. Keys in lower case, as configparser makes them; section names as they are. */
export type IniData = Readonly<Record<string, Readonly<Record<string, string>>>>

export type ParsedIni =
  | {
      readonly ok: true
      readonly tree: ConfigTree
      readonly data: IniData
      readonly problems: readonly LocatedProblem[]
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** Whether a text is an INI file: no other config of ours begins with a section. */
export function isIni(text: string): boolean {
  const first = text.split(/\r?\n/).find((line) => !isBlank(line) && !isComment(line))
  return first !== undefined && SECTION.test(first.trim())
}

export function parseIni(text: string): ParsedIni {
  const reader = new Reader()
  for (const [at, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    reader.take(line, at + 1)
  }
  return reader.read()
}

const SECTION = /^\[(.+)\]/
const OPTION = /^\s*(.*?)\s*[=:]\s*(.*)$/
/** Its keys are there in every section. */
const DEFAULTS = 'DEFAULT'

interface Option {
  readonly key: Place
  readonly value: Place
  readonly lines: string[]
}

class Reader {
  readonly #sections = new Map<string, { place: Place; options: Map<string, Option> }>()
  readonly #problems: ConfigProblem[] = []
  #section: Map<string, Option> | null = null
  #option: Option | null = null
  #indent = 0

  take(line: string, number: number): void {
    if (isComment(line)) return
    const indent = line.length - line.trimStart().length
    if (isBlank(line)) this.#option?.lines.push('')
    else if (this.#option && indent > this.#indent) this.#option.lines.push(line.trim())
    else this.#begin(line, { number, indent })
  }

  #begin(line: string, { number, indent }: { number: number; indent: number }): void {
    this.#indent = indent
    this.#option = null
    const place = { line: number, column: indent + 1 }
    const section = SECTION.exec(line.trim())
    const option = OPTION.exec(line)
    if (section) this.#open(section[1]!, place)
    else if (!option || option[1] === '') this.#complain(place, 'expected [section] or key = value')
    else if (!this.#section) this.#complain(place, 'expected a [section] before the first key')
    else this.#add(option[1]!, option[2]!.trim(), { line, place })
  }

  #open(name: string, place: Place): void {
    const known = this.#sections.get(name)
    if (known && name !== DEFAULTS) {
      this.#complain(place, `expected one section of this name (line ${known.place.line})`)
    }
    const section = known ?? { place, options: new Map<string, Option>() }
    this.#sections.set(name, section)
    this.#section = section.options
  }

  #add(name: string, value: string, { line, place }: { line: string; place: Place }): void {
    const key = name.toLowerCase()
    const known = this.#section!.get(key)
    if (known) this.#complain(place, `expected one key of this name (line ${known.key.line})`)
    const column = Math.max(line.lastIndexOf(value), 0) + 1
    this.#option = { key: place, value: { line: place.line, column }, lines: [value] }
    this.#section!.set(key, this.#option)
  }

  #complain({ line, column }: Place, message: string): void {
    this.#problems.push({ line, column, message })
  }

  read(): ParsedIni {
    if (this.#problems.length > 0) return { ok: false, problems: this.#problems }
    const defaults = this.#sections.get(DEFAULTS)?.options ?? new Map<string, Option>()
    const problems: LocatedProblem[] = []
    const data: Record<string, Record<string, string>> = {}
    for (const [name, { options }] of this.#sections) {
      if (name === DEFAULTS) continue
      const raw = new Map([...defaults, ...options].map(([key, option]) => [key, textOf(option)]))
      const told = [...raw].map(([key, value]) => {
        const result = interpolate(value, raw)
        if (result === null) problems.push({ path: [name, key], message: STRAY })
        return [key, result ?? value]
      })
      data[name] = Object.fromEntries(told)
    }
    const placeOf = (path: Path) => this.#find(path, 'value')
    const keyPlaceOf = (path: Path) => this.#find(path, 'key')
    return { ok: true, data, problems, tree: { data, placeOf, keyPlaceOf } }
  }

  #find([section, key]: Path, part: 'key' | 'value'): Place {
    const found = this.#sections.get(String(section))
    const options = found?.options.get(String(key))
    const inherited = this.#sections.get(DEFAULTS)?.options.get(String(key))
    return (options ?? inherited)?.[part] ?? found?.place ?? { line: 1, column: 1 }
  }
}

const STRAY = 'expected %% for a plain %, or %(key)s for the value of a key that is there'
const DEEPEST = 10

/** null: a `%` that is neither, as configparser refuses it. */
function interpolate(
  value: string,
  section: ReadonlyMap<string, string>,
  depth = 0,
): string | null {
  if (!value.includes('%')) return value
  if (depth > DEEPEST) return null
  let stray = false
  const result = value.replace(/%(?:(%)|\(([^)]+)\)s)?/g, (_, percent?: string, key?: string) => {
    if (percent !== undefined) return '%'
    const found = key === undefined ? undefined : section.get(key.toLowerCase())
    const inner = found === undefined ? null : interpolate(found, section, depth + 1)
    stray ||= inner === null
    return inner ?? ''
  })
  return stray ? null : result
}

/** A value that begins on the line below its key begins with a line break. */
function textOf({ lines }: Option): string {
  return lines.join('\n').trimEnd()
}

function isBlank(line: string): boolean {
  return line.trim() === ''
}

function isComment(line: string): boolean {
  return /^\s*[#;]/.test(line)
}
