/** The matcher of log lines as a library. */
import type { References } from './enrichment.js'
import type { FieldMap } from './field-map.js'
import type { Hit } from './hit.js'
import { KeyIndex } from './key-index.js'
import { LineMatcher } from './line-matcher.js'
import { PRESETS, type PresetName } from './presets.js'
import { MAX_LINE } from './scan-memory.js'
import { States } from './states.js'

export interface MatcherOptions {
  /** The folder of the ledger: `data_dir` of the config. */
  readonly dataDir: string
  /** Which fields are looked up. Default: `ecs`. */
  readonly fields?: PresetName | FieldMap
  /** Of each source, by its name: where its MISP is reached, for `indicator.reference`. */
  readonly references?: References
  /** Also write `misp.event_id` and `misp.type`. */
  readonly legacy?: boolean
}

/** Synchronous, for one thread. Follows the ledger: what changes there counts here within a second. */
export interface Matcher {
  /** What a parsed log line hits; in the order of the field map, most specific first. */
  match(document: object): Hit[]
  /**
   * The line (without a line feed) with `threat.enrichments[]` added; null where it hits nothing, is no
   * JSON object or is longer than 1 MiB. Faster than parsing where most lines hit nothing.
   */
  enrich(line: Uint8Array | string): Buffer | null
  /** Number of the ledger's last change that counts here. */
  readonly seq: number
  close(): void
}

/** How long a change in the ledger may go unnoticed. */
const FOLLOW_MS = 1000

/**
 * Opens the ledger for reading and loads the keys of all that is live: some 10 MB for a million of them,
 * and half a second. @throws LedgerError where there is no ledger, or one of another version
 */
export function openMatcher(options: MatcherOptions): Matcher {
  const { dataDir, fields: given = 'ecs', references = {}, legacy = false } = options
  const fields = typeof given === 'string' ? PRESETS[given] : given
  const states = new States(dataDir)
  states.refresh()
  const index = new KeyIndex({ states, fields, threads: 1 })
  const matcher = new LineMatcher({ states, fields, references, legacy })
  matcher.use(index.scan)
  let followed = performance.now()
  const follow = () => {
    if (performance.now() - followed < FOLLOW_MS) return
    followed = performance.now()
    if (!states.refresh()) return
    index.follow()
    matcher.use(index.scan)
  }
  return {
    match(document) {
      follow()
      return matcher.hits(document)
    },
    enrich(line) {
      follow()
      const bytes = Buffer.concat([Buffer.from(line as Uint8Array), LINE_FEED])
      if (bytes.length > MAX_LINE || bytes.indexOf(LINE_FEED) < bytes.length - 1) return null
      return matcher.matchBlock(bytes).hitLines[0]?.bytes ?? null
    },
    get seq() {
      return index.seq
    },
    close: () => states.close(),
  }
}

const LINE_FEED = Buffer.from('\n')
