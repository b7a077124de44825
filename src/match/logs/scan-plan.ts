/** From a field map to what the scanner is told: kinds of fields, and names to find them by. */
import { HASH_LENGTHS } from '../../indicators/hashes.js'
import type { Space } from '../../indicators/indicator.js'
import { type Admission, admissionOf, type FieldMap, HOST_SPACES } from './field-map.js'
import { type KindRecord, MOST_KINDS, MOST_NAMES, MOST_SEEDS } from './scan-memory.js'

export interface ScanKind extends KindRecord {
  readonly admission: Admission
}

/** One step through objects: from a state by a name to a kind of value (0: none) or a further state. */
export interface Step {
  readonly state: number
  readonly name: string
  readonly kind: number
  readonly below: number
}

export interface ScanPlan {
  /** The first has number 1. */
  readonly kinds: readonly ScanKind[]
  readonly steps: readonly Step[]
  /** Numbers of kinds by the names of fields; of those that are missing none can be met. */
  readonly kindsOf: ReadonlyMap<string, number>
}

/** `live`: spaces in which there is a key at all; what can only meet others is not looked at. */
export function scanPlan(map: FieldMap, live: ReadonlySet<Space>): ScanPlan {
  const asked = new Map<string, { admission: Admission; urlHost: boolean }>()
  for (const { name, as } of map.fields) {
    const admission = admissionOf(as)
    if (admission !== null) asked.set(name, widened(asked.get(name), admission))
  }
  for (const { host } of map.urls) {
    const known = asked.get(host)?.admission ?? { spaces: new Set<Space>(), types: null }
    asked.set(host, { admission: known, urlHost: true })
  }
  const kinds: ScanKind[] = []
  const numbers = new Map<string, number>()
  const paths = new Map<string, number>()
  for (const [name, { admission, urlHost }] of asked) {
    const kind = kindOf(admission, { urlHost, live })
    if (kind === null) continue
    const id = JSON.stringify([kind.lane, kind.also, [...kind.admission.spaces].sort()])
    if (!numbers.has(id)) numbers.set(id, kinds.push(kind))
    paths.set(name, numbers.get(id)!)
  }
  const steps = stepsOf(paths)
  if (kinds.length > MOST_KINDS || steps.length > MOST_NAMES) {
    throw new RangeError(`${paths.size} fields are more than the scanner has room for`)
  }
  return { kinds, steps, kindsOf: paths }
}

/** The same name may stand for two things. */
function widened(known: { admission: Admission } | undefined, { spaces }: Admission) {
  const all = new Set([...(known?.admission.spaces ?? []), ...spaces])
  return { admission: { spaces: all, types: null }, urlHost: false }
}

function kindOf(
  { spaces }: Admission,
  { urlHost, live }: { urlHost: boolean; live: ReadonlySet<Space> },
): ScanKind | null {
  const asks = [...spaces].filter((space) => live.has(space))
  const hosts = HOST_SPACES.filter((space) => live.has(space))
  const isUrl = spaces.has('url') && (asks.length > 0 || hosts.length > 0)
  const needsUrlHost = urlHost && live.has('url')
  if (asks.length === 0 && !isUrl && !needsUrlHost) return null
  const admission = { spaces, types: null }
  const isHost = [...spaces].every((space) => HOST_SPACES.includes(space))
  if (isHost) return { lane: 'host', also: needsUrlHost, spaces: HOST_SEEDS, admission }
  if (urlHost) return { lane: 'look', also: needsUrlHost, spaces: [], admission }
  if (spaces.size === 1 && isUrl) return { lane: 'url', also: true, spaces: HOST_SEEDS, admission }
  const few = asks.length <= MOST_SEEDS
  if (few && [...spaces].every((space) => space in HASH_LENGTHS)) {
    return { lane: 'digest', also: spaces.has('x509'), spaces: asks, admission }
  }
  const isMail = [...spaces].every((space) => space === 'email' || space === 'eppn')
  if (few && isMail) return { lane: 'mail', also: false, spaces: asks, admission }
  return { lane: 'look', also: false, spaces: [], admission }
}

/** In the order in which the scanner expects their seeds; the fourth is that of hosts of URLs. */
const HOST_SEEDS: readonly Space[] = ['ip', 'domain', 'hostname']

/**
 * A line may nest a name at any of its dots: from each part that leads to it, each run of labels that
 * goes on from there.
 */
function stepsOf(paths: ReadonlyMap<string, number>): Step[] {
  const states = new Map<string, number>([['', 1]])
  const steps = new Map<string, Step>()
  const stateOf = (path: string) => {
    if (!states.has(path)) states.set(path, states.size + 1)
    return states.get(path)!
  }
  for (const [path, kind] of paths) {
    const labels = path.split('.')
    for (let from = 0; from < labels.length; from += 1) {
      const state = stateOf(labels.slice(0, from).join('.'))
      for (let to = from + 1; to < labels.length; to += 1) {
        const name = labels.slice(from, to).join('.')
        const below = stateOf(labels.slice(0, to).join('.'))
        add(steps, { state, name, kind: 0, below })
      }
      add(steps, { state, name: labels.slice(from).join('.'), kind, below: 0 })
    }
  }
  return [...steps.values()]
}

function add(steps: Map<string, Step>, step: Step): void {
  const id = `${step.state} ${step.name}`
  const known = steps.get(id)
  const { kind, below } = known ?? step
  steps.set(id, { ...step, kind: kind || step.kind, below: below || step.below })
}
