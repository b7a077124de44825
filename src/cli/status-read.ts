/** The state of the ledger, and what of it needs a hand. */
import type { LoadedConfig } from '../config/load.js'
import { headSeq, readCursors, readSinkAside } from '../ledger/changes.js'
import { ledgerId } from '../ledger/database.js'
import { sizeOf } from '../ledger/examine.js'
import { activeHolds, type Hold } from '../ledger/holds.js'
import { type Totals, totals } from '../ledger/knowledge.js'
import { readSources, readWithheld, type Withheld } from '../ledger/sources.js'
import type { Database } from '../ledger/sqlite.js'
import type { Context } from './context.js'
import { acceptCommand } from './sync-report.js'
import { count, iso } from './words.js'

export interface SourceStatus {
  readonly name: string
  readonly inConfig: boolean
  /** Epoch seconds; null: never. */
  readonly lastGood: number | null
  readonly events: number
  readonly attributes: number
}

export interface SinkStatus {
  readonly name: string
  /** Of the ledger's changes; null: nothing was ever written to it. */
  readonly cursor: { readonly seq: number; readonly at: number } | null
  /** Changes that it has not got. */
  readonly lag: number
  readonly setAside: number
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

/** What needs a hand. */
export interface Problem {
  readonly what: string
  readonly hint: string
}

export function readStatus(
  context: Context,
  { db, config }: { db: Database; config: LoadedConfig },
): Status {
  const now = context.now()
  const sums = totals(db)
  const sources = sourcesOf(db, { config, totals: sums })
  const sinks = sinksOf(db, Object.keys(config.sinks))
  const withheld = readWithheld(db)
  return {
    now,
    dataDir: config.dataDir,
    ledger: { id: ledgerId(db), bytes: sizeOf(config.dataDir) },
    sources,
    withheld,
    totals: sums,
    sinks,
    holds: activeHolds(db),
    problems: [
      ...sources.flatMap((source) => sourceProblem(source, { now, context })),
      ...withheld.map((entry) => withheldProblem(entry, context)),
      ...sinks.flatMap((sink) => sinkProblem(sink, now)),
    ],
  }
}

function sourcesOf(
  db: Database,
  { config, totals }: { config: LoadedConfig; totals: Totals },
): SourceStatus[] {
  const configured = new Set(config.sources.map(({ name }) => name))
  const known = readSources(db)
  const fresh = [...configured].filter((name) => !known.some((row) => row.name === name))
  return [...known.map(({ name, lastGood }) => ({ name, lastGood })), ...fresh.map(neverSeen)].map(
    ({ name, lastGood }) => {
      const { events = 0, attributes = 0 } =
        totals.sources.find((source) => source.name === name) ?? {}
      return { name, lastGood, events, attributes, inConfig: configured.has(name) }
    },
  )
}

function neverSeen(name: string): { name: string; lastGood: null } {
  return { name, lastGood: null }
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
  { now, context }: { now: number; context: Context },
): Problem[] {
  if (!inConfig) {
    const what = `${name} is not in the config any more; what it brought is still served`
    return [{ what, hint: `put it back, or: tipline forget${context.configArgument} ${name}` }]
  }
  const hint = `is the timer of \`tipline sync\` alive? Try: tipline sync${context.configArgument}`
  if (lastGood === null) return [{ what: `${name} has never been read`, hint }]
  if (now - lastGood <= STALE_SECONDS) return []
  return [{ what: `${name} was last read ${iso(lastGood)}`, hint }]
}

function withheldProblem(entry: Withheld, context: Context): Problem {
  const { id, source, kind, why } = entry
  const what = `the guard withholds ${kind} of ${source ?? 'the policy'} (${id}): ${why}`
  return { what, hint: `if it is right: ${acceptCommand(entry, context)}` }
}

function sinkProblem({ name, cursor, lag }: SinkStatus, now: number): Problem[] {
  const hint = 'tipline doctor tells whether it can be reached; the next sync catches up'
  if (cursor === null) return [{ what: `nothing was ever written to ${name}`, hint }]
  if (lag === 0 || now - cursor.at < LAG_SECONDS) return []
  return [{ what: `${name} is ${count(lag, 'change')} behind`, hint }]
}
