/** Which keys of the server are ours. */
import { KINDS, type Space } from '../../indicators/indicator.js'
import { MATCHABLE } from '../../indicators/matchable.js'

/** Where the sink remembers its position. */
export const STATE_KEY = 'tipline:state'
/** How fresh the sink is: `{at, oldest, sources: {name: lastGoodSync}}`, epoch seconds or null. */
export const HEARTBEAT_KEY = 'tipline:heartbeat'
/** The lengths of the nets in use, so that a reader knows which to ask for: `{v4: [24], v6: [48]}`. */
export const NET_LENGTHS_KEY = 'tipline:net-lengths'
/** What the server's memory was like: `{evictions, risen, need}`. For us alone. */
export const WATCH_KEY = 'tipline:memory'
/** MISP2memcached's counter: how many keys the eight namespaces have that it fills. */
export const STATS_KEY = 'misp-stats'

const SPACES: readonly Space[] = [
  ...KINDS,
  ...MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space)),
]

const NAMESPACES: ReadonlySet<string> = new Set(
  SPACES.flatMap((space) => [`misp-${space}`, `misp-${space}-sha256`]),
)

/** Whether an indicator's key; the namespace has to be one of ours, to the letter. */
export function isIndicatorKey(key: Buffer): boolean {
  const colon = key.indexOf(0x3a)
  return colon > 0 && NAMESPACES.has(key.toString('latin1', 0, colon))
}
