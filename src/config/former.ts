/** Settings that have moved: read under their former name, with a word about it. */
import { isRecord, type LocatedProblem, type Path } from './path.js'

export interface Moved {
  readonly data: unknown
  readonly problems: readonly LocatedProblem[]
  readonly warnings: readonly string[]
  readonly origin: (path: Path) => Path
}

/** `history: 400d` has become `keep: {history: 400d}`. */
export function moveFormer(data: unknown): Moved {
  const none = { data, problems: [], warnings: [], origin: (path: Path) => path }
  if (!isRecord(data) || !Object.hasOwn(data, 'history')) return none
  const { history, keep = {}, ...rest } = data
  if (!isRecord(keep)) return none
  if (Object.hasOwn(keep, 'history')) {
    const message = 'it is called keep.history now, which is given too'
    const problem = { path: ['history'], atKey: true, message, hint: 'leave this one out' }
    return { ...none, data: { ...rest, keep }, problems: [problem] }
  }
  return {
    data: { ...rest, keep: { ...keep, history } },
    problems: [],
    warnings: ['`history: ...` is called `keep: { history: ... }` now; it is read all the same'],
    origin: (path) => (path[0] === 'keep' && path[1] === 'history' ? ['history'] : path),
  }
}
