/**
 * What a MISP value means for matching. Never throws, whatever the type and the value; normalising a
 * normal form gives itself.
 */
import type { Cut, TypeEntry } from './entry.js'
import type { Meaning, Normalisation } from './indicator.js'
import { NORMALISERS } from './normalisers.js'
import { REASONS, refuse } from './outcome.js'
import { TYPE_TABLE } from './types.js'

type Run = (value: string) => Normalisation

const UNKNOWN = refuse(REASONS.unknownType)
const RUNS: ReadonlyMap<string, Run> = new Map(
  TYPE_TABLE.map((entry) => [entry.type, runOf(entry)]),
)

/** The strongest meaning comes first. The reason of a refusal holds nothing of the value. */
export function normalise(type: string, value: string): Normalisation {
  const run = RUNS.get(type)
  return run === undefined ? UNKNOWN : run(value)
}

function runOf(entry: TypeEntry): Run {
  if (!entry.matchable) {
    const refusal = refuse(entry.reason)
    return () => refusal
  }
  const [first, second] = entry.halves.map(({ normaliser, weak }) =>
    weak ? weakened(NORMALISERS[normaliser]) : NORMALISERS[normaliser],
  )
  if (first === undefined) throw new TypeError(`${entry.type} has no half`)
  return second === undefined ? cutting(entry.cut, first) : paired(first, second)
}

function weakened(run: Run): Run {
  return (value) => {
    const found = run(value)
    if (!found.ok) return found
    return { ok: true, meanings: found.meanings.map((meaning) => ({ ...meaning, weak: true })) }
  }
}

/** One half of a composite. A value without `|` is taken as a whole: it may be that half alone. */
function cutting(cut: Cut, run: Run): Run {
  if (cut === 'whole') return run
  if (cut === 'after-pipe') return (value) => run(value.slice(value.lastIndexOf('|') + 1))
  return (value) => {
    const pipe = value.indexOf('|')
    return run(pipe < 0 ? value : value.slice(0, pipe))
  }
}

/** Both halves; where one is missing or invalid, the other counts alone. */
function paired(first: Run, second: Run): Run {
  return (value) => {
    const pipe = value.indexOf('|')
    if (pipe < 0) return first(value)
    const left = first(value.slice(0, pipe))
    const right = second(value.slice(pipe + 1))
    if (!left.ok) return right.ok ? right : left
    return right.ok ? { ok: true, meanings: withoutDoubles(left.meanings, right.meanings) } : left
  }
}

/** The same address twice (`192.0.2.1|192.0.2.1`) is one meaning, the stronger. */
function withoutDoubles(left: readonly Meaning[], right: readonly Meaning[]): readonly Meaning[] {
  const fresh = right.filter(
    ({ space, value }) => !left.some((other) => other.space === space && other.value === value),
  )
  return [...left, ...fresh]
}
