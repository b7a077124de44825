/** How fresh everything is, what is live, held, set aside and withheld, and what needs a hand. */
import type { ChannelStatus } from '../hits/alerts/status.js'
import type { SightingStatus } from '../hits/sightings/status.js'
import { type HitsStatus, readHitsStatus, type Tellings } from '../hits/status.js'
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

/** The process that keeps everything in step. */
export interface DaemonStatus {
  readonly pid: number
  /** What it tries in vain, the longest first. */
  readonly failing: readonly Failing[]
}

export interface Failing {
  /** `sink memcached`, `source main`, `alerts`, ... */
  readonly part: string
  /** Epoch seconds. */
  readonly since: number
  readonly what: string
  readonly hint: string
}

/** What needs a hand. */
export interface Problem {
  readonly what: string
  readonly hint: string
}

export interface Status extends HitsStatus {
  readonly now: number
  readonly dataDir: string
  readonly ledger: { readonly id: string; readonly bytes: number }
  readonly sources: readonly SourceStatus[]
  readonly withheld: readonly Withheld[]
  readonly totals: Totals
  readonly sinks: readonly SinkStatus[]
  readonly holds: readonly Hold[]
  /** null: none is running. */
  readonly daemon: DaemonStatus | null
  readonly problems: readonly Problem[]
}

export interface StatusOptions {
  readonly dataDir: string
  /** Names that the config has. */
  readonly sources: readonly string[]
  readonly sinks: readonly string[]
  readonly tellings: Tellings
  /** `hits.db`; null: there is none yet. */
  readonly hits: Database | null
  readonly daemon: DaemonStatus | null
  /** Epoch seconds. */
  readonly now: number
  /** Of commands that are proposed: ` -c FILE`, or nothing. */
  readonly configArgument: string
}

export function readStatus(db: Database, options: StatusOptions): Status {
  const { dataDir, now, daemon } = options
  const sums = totals(db)
  const withheld = readWithheld(db)
  const sources = sourcesOf(db, { configured: options.sources, totals: sums, withheld })
  const sinks = sinksOf(db, options.sinks)
  const told = readHitsStatus(options.hits, options.tellings)
  return {
    now,
    dataDir,
    ledger: { id: ledgerId(db), bytes: sizeOf(dataDir) },
    sources,
    withheld,
    totals: sums,
    sinks,
    holds: activeHolds(db),
    ...told,
    daemon,
    problems: [
      ...sources.flatMap((source) => sourceProblem(source, options)),
      ...withheld.map((entry) => withheldProblem(entry, options)),
      ...sinks.flatMap((sink) => sinkProblem(sink, now)),
      ...told.alerts.flatMap((channel) => channelProblems(channel, options)),
      ...told.sightings.flatMap((source) => sightingProblems(source, options)),
      ...(daemon?.failing ?? []).map(failingProblem),
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
  { now, daemon, configArgument }: StatusOptions,
): Problem[] {
  if (!inConfig) {
    const what = `${name} is not in the config any more; what it brought is still served`
    return [{ what, hint: `put it back, or: tipline forget${configArgument} ${name}` }]
  }
  const hint = `is the timer of \`tipline sync\` alive? Try: tipline sync${configArgument}`
  if (lastGood === null) {
    return [{ what: `${name} has never been read`, hint: daemon ? IS_TRIED : hint }]
  }
  if (now - lastGood <= STALE_SECONDS) return []
  return [{ what: `${name} was last read ${iso(lastGood)}`, hint: daemon ? CLOCKS_DIFFER : hint }]
}

const IS_TRIED = 'the daemon asks it again and again; what fails is told here, too'
/** A daemon asks again and again, and tells itself what fails; by when, the MISP's clock says. */
const CLOCKS_DIFFER = "if nothing fails, compare this machine's clock with the MISP's"

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

/** A receiver may be away for a while; so may a MISP. */
const WAITED_SECONDS = 15 * 60

function channelProblems(
  { channel, waiting, parked, oldest, trouble }: ChannelStatus,
  { now, configArgument }: StatusOptions,
): Problem[] {
  const problems: Problem[] = []
  if (parked > 0) {
    const what = `${messages(parked)} for the channel ${channel} ${parked === 1 ? 'is' : 'are'} parked`
    const hint = `tipline alerts${configArgument} tells why, sends them again or drops them`
    problems.push({ what, hint })
  }
  if (oldest !== null && now - oldest / 1000 > WAITED_SECONDS) {
    const why = trouble === '' ? 'does tipline run?' : trouble
    const what = `${messages(waiting)} for the channel ${channel} wait since ${iso(oldest / 1000)}`
    const hint = `${why}; tipline doctor${configArgument} --alerts sends a test`
    problems.push({ what, hint })
  }
  return problems
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count.toLocaleString('en-US')} messages`
}

/** They are gathered for a while; much longer, nobody sends them. */
const GATHERED_SECONDS = 25 * 3600

function sightingProblems(
  { source, inConfig, pending, oldest }: SightingStatus,
  { now }: StatusOptions,
): Problem[] {
  if (!inConfig || oldest === null || now - oldest / 1000 <= GATHERED_SECONDS) return []
  const what = `${pending.toLocaleString('en-US')} sightings for ${source} wait since ${iso(oldest / 1000)}`
  return [{ what, hint: 'does tipline run, and does its log say why MISP does not take them?' }]
}

function failingProblem({ part, since, what, hint }: Failing): Problem {
  return { what: `${part} fails since ${iso(since)}: ${what}`, hint }
}
