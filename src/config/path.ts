/** Paths into a config: `['sources', 0, 'url']`, told as `sources.0.url`. */
import { printable } from '../log.js'

export type Path = readonly (string | number)[]

/** A problem that knows its path, but not yet its line. */
export interface LocatedProblem {
  readonly path: Path
  readonly message: string
  readonly hint?: string
  /** The problem is the key itself. */
  readonly atKey?: boolean
  /** The path whose value this problem leaves unknown, if not `path`: nothing more is said of it. */
  readonly about?: Path
}

/** A key of a MISP has 40 characters: whoever pastes one in a key's place shall not read it in a log. */
const LONGEST_KEY_SHOWN = 32

export function dotted(path: Path): string {
  return path.map(showKey).join('.')
}

export function showKey(key: string | number): string {
  const text = String(key)
  if (text.length > LONGEST_KEY_SHOWN) return `(${text.length} characters)`
  return printable(text)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function valueAt(data: unknown, path: Path): unknown {
  let value = data
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string | number, unknown>)[step]
  }
  return value
}

/** A copy in which something else stands at `path`. */
export function replaced(data: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (Array.isArray(data)) return data.with(Number(step), replaced(data[Number(step)], rest, value))
  return { ...(data as object), [step]: replaced(valueAt(data, [step]), rest, value) }
}

/** A copy in which every string is replaced by what `change` makes of it; keys stay. */
export function mapStrings(
  data: unknown,
  change: (text: string, path: Path) => unknown,
  path: Path = [],
): unknown {
  if (typeof data === 'string') return change(data, path)
  if (Array.isArray(data)) return data.map((item, at) => mapStrings(item, change, [...path, at]))
  if (!isRecord(data)) return data
  const entries = Object.entries(data)
  return Object.fromEntries(
    entries.map(([key, value]) => [key, mapStrings(value, change, [...path, key])]),
  )
}
