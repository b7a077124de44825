/** How fresh everything is, what is live, held, set aside and withheld, and what needs a hand. */
import { headSeq, readCursors } from '../ledger/changes.js'
import { ledgerId } from '../ledger/database.js'
import { sizeOf } from '../ledger/examine.js'
import { activeHolds, type Hold } from '../ledger/holds.js'
import { type Totals, totals } from '../ledger/knowledge.js'
import { readSinkAside } from '../ledger/sink-aside.js'
import { readSources, readWithheld, type Withheld } from '../ledger/sources.js'
import type { Database } from '../ledger/sqlite.js'
import { iso } from '../time.js'

export interface SourceStatus {
  readonly name: string
  readonly inConfig: boolean
  /** Epoch seconds; null: never. */
  readonly lastGood: number | null
  readonly events: number
  readonly attributes: number
  readonly setAside: number
  /** The guard withholds something of it. */
  readonly frozen: boolean
}

export interface SinkStatus {
  readonly name: string
  /** Of the ledger's changes; null: nothing was ever written to it. */
  readonly cursor: { readonly seq: number; readonly at: number } | null
  /** Changes that it has not got. */
  readonly lag: number
  readonly setAside: number
}

/** What needs a hand. */
export interface Problem {
  readonly what: string
  readonly hint: string
}

export interface Status {
  readonly now: number
  readonly dataDir: string
  readonly ledger: { readonly id: string; readonly bytes: number }
  readonly sources: readonly SourceStatus[]
  readonly withheld: readonly Withheld[]
  readonly totals: Totals
  readonly sinks: readonly SinkStatus[]
  readonly holds: readonly Hold[]
  readonly problems: readonly Problem[]
}

export interface StatusOptions {
  readonly dataDir: string
  /** Names that the config has. */
  readonly sources: readonly string[]
  readonly sinks: readonly string[]
  /** Epoch seconds. */
  readonly now: number
  /** Of commands that are proposed: ` -c FILE`, or nothing. */
  readonly configArgument: string
}

export function readStatus(db: Database, options: StatusOptions): Status {
  const { dataDir, now } = options
  const sums = totals(db)
  const withheld = readWithheld(db)
  const sources = sourcesOf(db, { configured: options.sources, totals: sums, withheld })
  const sinks = sinksOf(db, options.sinks)
  return {
    now,
    dataDir,
    ledger: { id: ledgerId(db), bytes: sizeOf(dataDir) },
    sources,
    withheld,
    totals: sums,
    sinks,
    holds: activeHolds(db),
    problems: [
      ...sources.flatMap((source) => sourceProblem(source, options)),
      ...withheld.map((entry) => withheldProblem(entry, options)),
      ...sinks.flatMap((sink) => sinkProblem(sink, now)),
    ],
  }
}

interface Known {
  readonly configured: readonly string[]
  readonly totals: Totals
  readonly withheld: readonly Withheld[]
}

function sourcesOf(db: Database, { configured, totals, withheld }: Known): SourceStatus[] {
  const known = readSources(db)
  const fresh = configured.filter((name) => !known.some((row) => row.name === name))
  return [...known, ...fresh.map((name) => ({ name, lastGood: null }))].map(
    ({ name, lastGood }) => {
      const { events = 0, attributes = 0 } =
        totals.sources.find((source) => source.name === name) ?? {}
      const aside = totals.setAside.filter(({ source }) => source === name)
      return {
        name,
        lastGood,
        events,
        attributes,
        setAside: aside.reduce((sum, { count }) => sum + count, 0),
        frozen: withheld.some(({ source }) => source === name),
        inConfig: configured.includes(name),
      }
    },
  )
}

const MOST_ASIDE = 100_000

function sinksOf(db: Database, names: readonly string[]): SinkStatus[] {
  const head = headSeq(db)
  const cursors = readCursors(db)
  const aside = readSinkAside(db, MOST_ASIDE)
  return names.map((name) => {
    const cursor = cursors.find(({ sink }) => sink === name) ?? null
    return {
      name,
      cursor: cursor === null ? null : { seq: cursor.seq, at: cursor.at },
      lag: cursor === null ? head : head - cursor.seq,
      setAside: aside.filter(({ sink }) => sink === name).length,
    }
  })
}

/** Whoever syncs less often than this does not mean it. */
const STALE_SECONDS = 24 * 3600
/** A sync may be at it just now. */
const LAG_SECONDS = 5 * 60

function sourceProblem(
  { name, lastGood, inConfig }: SourceStatus,
  { now, configArgument }: StatusOptions,
): Problem[] {
  if (!inConfig) {
    const what = `${name} is not in the config any more; what it brought is still served`
    return [{ what, hint: `put it back, or: tipline forget${configArgument} ${name}` }]
  }
  const hint = `is the timer of \`tipline sync\` alive? Try: tipline sync${configArgument}`
  if (lastGood === null) return [{ what: `${name} has never been read`, hint }]
  if (now - lastGood <= STALE_SECONDS) return []
  return [{ what: `${name} was last read ${iso(lastGood)}`, hint }]
}

function withheldProblem(entry: Withheld, { configArgument }: StatusOptions): Problem {
  const { id, source, kind, why } = entry
  const what = `the guard withholds ${kind} of ${source ?? 'the policy'} (${id}): ${why}`
  return { what, hint: `if it is right: ${acceptCommand(entry, configArgument)}` }
}

/** Lets through what is withheld under an id. `configArgument`: ` -c FILE`, or nothing. */
export function acceptCommand({ id }: { id: string }, configArgument: string): string {
  return `tipline sync${configArgument} --accept ${id}`
}

function sinkProblem({ name, cursor, lag }: SinkStatus, now: number): Problem[] {
  const hint = 'tipline doctor tells whether it can be reached; the next sync catches up'
  if (cursor === null) return [{ what: `nothing was ever written to ${name}`, hint }]
  if (lag === 0 || now - cursor.at < LAG_SECONDS) return []
  const changes = lag === 1 ? '1 change' : `${lag.toLocaleString('en-US')} changes`
  return [{ what: `${name} is ${changes} behind`, hint }]
}
