/**
 * Deriving again what is in the ledger: all of it when the policy, a list or the normaliser changed,
 * and the few whose verdict changes with time. No source is asked.
 */
import { createHash } from 'node:crypto'
import type { AsyncWriter } from '../ledger/ledger.js'
import type { Derivable, Rederived } from '../ledger/rederive.js'
import type { Withheld } from '../ledger/sources.js'
import type { Logger } from '../log.js'
import type { Deriver } from './derive.js'
import type { GuardSettings } from './settings.js'
import type { Turns } from './turns.js'

export interface RejudgeOptions {
  readonly writer: AsyncWriter
  /** What is derived again goes through the ledger's one staging. */
  readonly turns: Turns
  readonly deriver: Deriver
  readonly guard: GuardSettings
  readonly accept: ReadonlySet<string>
  readonly withheld: readonly Withheld[]
  readonly now: number
  readonly log: Logger
  readonly signal: AbortSignal
}

export interface RejudgeReport {
  readonly changed: number
  readonly withheld: { readonly id: string; readonly kind: string; readonly why: string } | null
}

const META = 'derivation'
const PAGE = 5000

/** Derives everything again if it may come out otherwise than the last time. */
export function rejudgeIfChanged(options: RejudgeOptions): Promise<RejudgeReport> {
  return inTurn(options, () => ifChanged(options))
}

/** Judges again what is due by the clock; answers how many. */
export function rejudgeDue(options: RejudgeOptions): Promise<number> {
  return inTurn(options, () => allDue(options))
}

function inTurn<T>({ turns, writer, signal }: RejudgeOptions, work: () => Promise<T>): Promise<T> {
  return turns.run(async () => {
    try {
      return await work()
    } finally {
      await writer.discardStaging()
    }
  }, signal)
}

async function ifChanged(options: RejudgeOptions): Promise<RejudgeReport> {
  const { writer, deriver, log } = options
  const before = await writer.getMeta(META)
  if (before === null) await writer.setMeta(META, deriver.fingerprint)
  if (before === null || before === deriver.fingerprint) {
    // The change that was withheld has been taken back.
    if (options.withheld.length > 0) await writer.clearWithheld({ source: null, kind: 'policy' })
    return { changed: 0, withheld: null }
  }
  const withheld = await doubt(options)
  if (withheld) return { changed: 0, withheld }
  const changed = await eachDifference(options, (rows) =>
    writer.rederive({ rows, now: options.now, why: 'held: the policy changed' }),
  )
  await writer.setMeta(META, deriver.fingerprint)
  await writer.clearWithheld({ source: null, kind: 'policy' })
  log.info({ attributes: changed }, 'the policy, a list or the normaliser changed: derived again')
  return { changed, withheld: null }
}

async function allDue({ writer, deriver, now, signal }: RejudgeOptions): Promise<number> {
  let count = 0
  for (;;) {
    signal.throwIfAborted()
    const due = await writer.derivablesDue({ now, limit: PAGE })
    if (due.length === 0) return count
    const rows = due.map((attribute) => ({ id: attribute.id, ...deriver.derive(attribute, now) }))
    await writer.rederive({ rows, now, why: 'held: too old' })
    count += rows.length
  }
}

/** Would the new policy hold more than the guard lets vanish? Then it waits for a word. */
async function doubt(options: RejudgeOptions): Promise<RejudgeReport['withheld']> {
  const { writer, guard, accept, deriver, now, log } = options
  await writer.beginStops()
  await eachDifference(options, (rows) => writer.addStops(rows))
  const { stops, live } = await writer.countStops()
  if (stops <= guard.revoke_min || stops * 100 <= live * guard.revoke_percent) return null
  const why = `the changed policy would stop ${stops} of ${live} live indicators`
  const before = options.withheld.find(({ kind }) => kind === 'policy')
  const isSame = before && before.id === idOf(deriver, before.items) && stops <= before.items
  if (isSame && accept.has(before.id)) return null
  const id = isSame ? before.id : idOf(deriver, stops)
  if (!isSame) {
    await writer.withhold({ id, source: null, kind: 'policy', why, items: stops, live, at: now })
  }
  log.error({ id, kind: 'policy', live }, `withheld: ${why}`)
  return { id, kind: 'policy', why }
}

/** Names this policy and this much: another policy is another change, however little it stops. */
function idOf({ fingerprint }: Deriver, stops: number): string {
  return createHash('sha256').update(`${fingerprint}:${stops}`).digest('hex').slice(0, 8)
}

/** Hands out the attributes that come out otherwise, page by page; answers how many. */
async function eachDifference(
  { writer, deriver, now, signal }: RejudgeOptions,
  work: (rows: readonly Rederived[]) => Promise<void>,
): Promise<number> {
  let count = 0
  for (let after = 0; ; ) {
    signal.throwIfAborted()
    const page = await writer.derivablesAfter({ after, limit: PAGE })
    const last = page.at(-1)
    if (!last) return count
    after = last.id
    const rows = page.flatMap((attribute) => {
      const derived = deriver.derive(attribute, now)
      return same(attribute, derived) ? [] : [{ id: attribute.id, ...derived }]
    })
    if (rows.length > 0) await work(rows)
    count += rows.length
  }
}

function same(attribute: Derivable, derived: Omit<Rederived, 'id'>): boolean {
  return (
    attribute.aside === derived.aside &&
    attribute.meanings.length === derived.meanings.length &&
    canonical(attribute.meanings) === canonical(derived.meanings)
  )
}

function canonical(meanings: Rederived['meanings']): string {
  return JSON.stringify(
    meanings
      .map((m) => [
        m.space,
        m.value,
        m.port,
        m.alias,
        m.weak,
        m.heldRule,
        m.heldWhy,
        m.labels,
        m.recheckAt,
      ])
      .map((fields) => JSON.stringify(fields))
      .sort(),
  )
}
