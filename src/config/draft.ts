/** What a config says, in the shape of `tipline.yml`, before it is checked. */
import type { LocatedProblem, Path } from './path.js'
import type { ConfigTree } from './yaml.js'

/** Whose format a config is written in. */
export type ConfigFormat = 'tipline' | 'misp2memcached' | 'misp2ch'

export interface Draft {
  readonly format: ConfigFormat
  readonly tree: ConfigTree
  readonly data: unknown
  /** With paths of the file. */
  readonly problems: readonly LocatedProblem[]
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
  /** Not to be shown in a message, besides the secrets in `data`. */
  readonly hidden: readonly string[]
  /** From a path of `data` to the one in the file that it was made from. */
  readonly origin: (path: Path) => Path
}
