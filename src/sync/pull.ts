/**
 * One source into the ledger: staged whole, judged whole, applied whole events at a time. What the
 * guard does not believe is withheld under an id, and said.
 */
import { randomBytes } from 'node:crypto'
import type { ApplyResult } from '../ledger/apply.js'
import type { Judgement } from '../ledger/judge.js'
import type { AsyncWriter } from '../ledger/ledger.js'
import type { SourceRow, Withheld } from '../ledger/sources.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Deriver } from './derive.js'
import { type GuardVerdict, guard } from './guard.js'
import type { LargeEvents } from './large-events.js'
import type { GuardSettings } from './settings.js'
import type { Answer, Pass, Progress, Source } from './source.js'
import { Stage } from './stage.js'
import type { Turns } from './turns.js'

export interface PullOptions {
  readonly source: Source
  readonly row: SourceRow
  readonly writer: AsyncWriter
  /** The ledger has one staging: whoever needs it waits for its turn. */
  readonly turns: Turns
  readonly deriver: Deriver
  /** Default: everything is asked for. */
  readonly pass?: Pass
  readonly large?: LargeEvents
  readonly guard: GuardSettings
  /** Ids of withheld changes that the user accepts. */
  readonly accept: ReadonlySet<string>
  /** What is withheld of this source so far. */
  readonly withheld: readonly Withheld[]
  /** Seconds; 0: what is missing is gone. */
  readonly absentGrace: number
  /** Our clock, epoch seconds. */
  readonly now: number
  readonly log: Logger
  readonly metrics: Metrics
  readonly progress: Progress
  /** Called before the first batch is applied. */
  readonly onApplying: () => void
  /** Called after each applied batch, so that sinks can follow. */
  readonly onApplied: () => void
  readonly signal: AbortSignal
}

export interface PullReport {
  readonly source: string
  /** The source's clock, epoch seconds. */
  readonly at: number
  readonly unchanged: boolean
  readonly attributes: number
  readonly added: number
  readonly changed: number
  /** By cause. */
  readonly removed: Readonly<Record<string, number>>
  readonly withheld: readonly { readonly id: string; readonly kind: string; readonly why: string }[]
  readonly warnings: readonly string[]
}

/** @throws SourceError: nothing has been changed */
export async function pull(options: PullOptions): Promise<PullReport> {
  const { source, row, writer } = options
  const staging = new PullStaging(options)
  const stage = openStage(options, staging)
  try {
    const asksOtherwise = row.settings !== source.settings
    const settingsChanged = row.settings !== '' && asksOtherwise
    const answer = await source.read({
      pass: asksOtherwise ? WHOLE : (options.pass ?? WHOLE),
      large: options.large,
      // Only who goes on by himself asks for parts.
      persists: options.pass !== undefined,
      stage,
      known: await writer.knownEvents(row.id),
      settingsChanged: asksOtherwise,
      absentGrace: options.absentGrace,
      progress: options.progress,
      signal: options.signal,
    })
    await stage.settle()
    const labels = { source: source.name }
    options.metrics.gauge('tipline_source_last_good_sync_timestamp_seconds', labels, answer.at)
    if (answer.missing) {
      await writer.markAbsent({ source: row.id, uuids: answer.missing, now: answer.at })
    }
    if (answer.unchanged) return await acceptUnchanged(options, answer)
    return await judgeAndApply({ options, answer, settingsChanged, stage })
  } finally {
    await staging.end()
  }
}

const WHOLE: Pass = { kind: 'whole' }

/** The ledger's staging, from the first row to the end of the pull. */
class PullStaging {
  readonly #options: PullOptions
  #release: (() => void) | undefined

  constructor(options: PullOptions) {
    this.#options = options
  }

  async begin(): Promise<void> {
    const { turns, writer, signal } = this.#options
    this.#release = await turns.take(signal)
    await writer.beginStaging()
  }

  async end(): Promise<void> {
    if (!this.#release) return
    try {
      await this.#options.writer.discardStaging()
    } finally {
      this.#release()
    }
  }
}

function openStage(options: PullOptions, staging: PullStaging): Stage {
  const { source, writer, deriver, metrics, now } = options
  return new Stage({
    source: source.name,
    begin: () => staging.begin(),
    writer,
    deriver,
    filters: source.filters,
    types: new Set(source.types),
    metrics,
    now,
  })
}

async function acceptUnchanged(options: PullOptions, answer: Answer): Promise<PullReport> {
  const { source, row, writer } = options
  await writer.touchSource({ source: row.id, at: answer.at })
  // Nothing is withheld of an answer that is as the ledger is; where it was all of it.
  if (answer.missing) {
    tellFrozen(options, false)
    for (const { kind } of options.withheld) await writer.clearWithheld({ source: row.id, kind })
  }
  return {
    source: source.name,
    at: answer.at,
    unchanged: true,
    attributes: 0,
    added: 0,
    changed: 0,
    removed: {},
    withheld: [],
    warnings: answer.warnings,
  }
}

interface Judged {
  readonly options: PullOptions
  readonly answer: Answer
  readonly settingsChanged: boolean
  readonly stage: Stage
}

async function judgeAndApply(judged: Judged): Promise<PullReport> {
  const { options, answer, settingsChanged } = judged
  const { source, row, writer } = options
  const judgement = await judgeConfirmed(judged)
  const identity = await identityOf(options, judgement)
  const recent = await writer.recentLevel({ source: row.id, now: answer.at })
  const doubts = guard(
    {
      ...judgement,
      first: row.lastGood === null,
      recent,
      identityChanged: identity !== null && row.identity !== null && identity !== row.identity,
      settingsChanged,
    },
    options.guard,
  )
  const withheld = await withholdDoubtful({ options, doubts, judgement, answer })
  const kinds = new Set(withheld.map(({ kind }) => kind))
  const result = await apply(options, {
    source: row.id,
    now: options.now,
    withholdAbsent: kinds.has('revocations'),
    withholdAdded: kinds.has('additions'),
  })
  await writer.acceptPull({
    source: row.id,
    at: answer.at,
    settings: source.settings,
    // A changed identity is taken over only once what it takes away has been accepted.
    identity: kinds.has('revocations') ? null : identity,
    absent: kinds.has('revocations') ? 0 : judgement.absent,
    // What the user has accepted is no bleeding, and ends what bled before.
    rebase: doubts.revocations !== null && !kinds.has('revocations'),
  })
  return report({ judged, result, withheld })
}

/** Drift loses a few rows; when more than these are missing, that is not why. */
const MOST_CONFIRMED = 5000
const UUIDS_A_REQUEST = 500

async function judgeConfirmed(judged: Judged): Promise<Judgement> {
  const { options, answer, stage } = judged
  const judgement = await judgeStaged(judged)
  const { confirm } = answer
  if (!confirm || judgement.absent === 0 || judgement.absent > MOST_CONFIRMED) return judgement
  const uuids = await options.writer.absentAttributes()
  for (let from = 0; from < uuids.length; from += UUIDS_A_REQUEST) {
    await confirm(uuids.slice(from, from + UUIDS_A_REQUEST))
  }
  await stage.settle()
  return judgeStaged(judged)
}

async function judgeStaged({
  options,
  answer,
  stage,
  settingsChanged,
}: Judged): Promise<Judgement> {
  const { source, row, writer } = options
  await stage.begin()
  if (answer.whole) await writer.departAllOthers(row.id)
  return writer.judge({
    source: row.id,
    ...(answer.window ? { window: answer.window } : {}),
    ...(settingsChanged ? { types: source.types } : {}),
  })
}

/** Asked only when something disappears, or the first time. */
async function identityOf(options: PullOptions, judgement: Judgement): Promise<string | null> {
  const { source, row, signal } = options
  return row.identity === null || judgement.absent > 0 ? source.identity(signal) : null
}

interface Doubtful {
  readonly options: PullOptions
  readonly doubts: GuardVerdict
  readonly judgement: Judgement
  readonly answer: Answer
}

async function withholdDoubtful(doubtful: Doubtful): Promise<PullReport['withheld']> {
  const { options, doubts, judgement } = doubtful
  const withheld: { id: string; kind: string; why: string }[] = []
  for (const kind of ['revocations', 'additions'] as const) {
    const why = doubts[kind]
    const id = why === null ? null : await withholdUnlessAccepted({ ...doubtful, kind, why })
    if (why !== null && id !== null) {
      withheld.push({ id, kind, why })
      options.log.error(
        { source: options.source.name, id, kind, live: judgement.live },
        `withheld: ${why}`,
      )
    } else if (doubtful.answer.missing) {
      await options.writer.clearWithheld({ source: options.row.id, kind })
    }
  }
  const stays = doubtful.answer.missing === null && options.withheld.length > 0
  tellFrozen(options, stays || withheld.length > 0)
  return withheld
}

function tellFrozen({ metrics, source }: PullOptions, frozen: boolean): void {
  metrics.gauge('tipline_source_frozen', { source: source.name }, Number(frozen))
}

/** null: the user has accepted this, and it is nothing larger than what was shown. */
async function withholdUnlessAccepted(
  doubtful: Doubtful & { kind: 'revocations' | 'additions'; why: string },
): Promise<string | null> {
  const { options, judgement, kind, why, answer } = doubtful
  const { writer, row, accept } = options
  const items = kind === 'revocations' ? judgement.absent : judgement.added
  const before = options.withheld.find((entry) => entry.kind === kind)
  if (before) {
    const larger = await writer.beyondWithheld({ id: before.id, source: row.id, kind })
    if (larger === 0 && accept.has(before.id)) return null
    // The same as the last time: the user may still be about to accept it.
    if (larger === 0 && items === before.items) return before.id
  }
  const id = randomBytes(4).toString('hex')
  await writer.withhold({
    id,
    source: row.id,
    kind,
    why,
    items,
    live: judgement.live,
    at: answer.at,
  })
  return id
}

async function apply(
  { writer, onApplying, onApplied, signal }: PullOptions,
  options: Parameters<AsyncWriter['beginApply']>[0],
): Promise<ApplyResult> {
  await writer.beginApply(options)
  onApplying()
  for (;;) {
    // Between two batches the ledger is consistent: the rest is seen as changed next time.
    signal.throwIfAborted()
    const result = await writer.applyNext()
    onApplied()
    if (result) return result
  }
}

interface Applied {
  readonly judged: Judged
  readonly result: ApplyResult
  readonly withheld: PullReport['withheld']
}

function report({ judged, result, withheld }: Applied): PullReport {
  const { options, answer, stage } = judged
  const source = options.source.name
  options.metrics.count('tipline_attributes_added_total', { source }, result.added)
  for (const [cause, count] of Object.entries(result.removed)) {
    options.metrics.count('tipline_attributes_removed_total', { source, cause }, count)
  }
  return {
    source,
    at: answer.at,
    unchanged: false,
    attributes: stage.rows,
    added: result.added,
    changed: result.changed,
    removed: result.removed,
    withheld,
    warnings: answer.warnings,
  }
}
