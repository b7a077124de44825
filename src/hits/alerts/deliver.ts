/**
 * Sends the messages of one channel, the oldest first. Before anything leaves it is written down that it
 * is about to; what was cut off there is, where the channel can't tell, sent again under the same id.
 */
import { AlertRefused, ChannelUnavailable, TiplineError } from '../../errors.js'
import { AttributeReader } from '../../ledger/attributes.js'
import { type Database, inTransaction } from '../../ledger/sqlite.js'
import type { Logger } from '../../log.js'
import type { Metrics } from '../../metrics.js'
import type { Tlp } from '../../policy/tlp.js'
import { delayAfter } from '../../retry.js'
import { type Alert, pairOf } from './alert.js'
import type { Channel } from './channels/channel.js'
import { isOld } from './decide.js'
import { type ToldAlert, told } from './disclose.js'
import { plain } from './foreign.js'
import { freshened } from './freshen.js'
import { type CommonSettings, paceOf } from './settings.js'
import type { AlertStore, Queued } from './store.js'
import { putOff } from './take.js'

export interface DeliverDeps {
  readonly store: AlertStore
  /** For reading; null: there is none yet. */
  readonly ledger: () => Database | null
  readonly channel: Channel
  readonly settings: CommonSettings
  /** The TLP of what has no tag. */
  readonly untagged: Tlp
  readonly log: Logger
  readonly metrics: Metrics
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly random?: (() => number) | undefined
}

const LEAST_MS = 1000
const BASE_MS = 5000
const MAX_MS = 10 * 60_000

export interface Halt {
  /** No further message is begun. */
  readonly stop: AbortSignal
  /** Also what is on its way is cut off. */
  readonly cut: AbortSignal
}

/** Until the queue is empty, its first message has to wait, or we are told to stop. */
export async function deliver(deps: DeliverDeps, { stop, cut }: Halt): Promise<void> {
  while (!stop.aborted && !cut.aborted) {
    const queued = deps.store.next(deps.channel.name)
    if (queued === null || queued.due > deps.clock()) return
    await deliverOne(queued, deps, cut)
  }
}

async function deliverOne(queued: Queued, deps: DeliverDeps, signal: AbortSignal): Promise<void> {
  const { number, state } = queued
  const alert = prepared(queued, deps)
  if (alert === null) return
  if (state === 'sending' && (await arrived(alert, deps))) {
    settle(queued, { state: 'sent', reason: 'had arrived before the restart' }, deps)
    return
  }
  deps.store.begin(number, deps.clock())
  const answer = await sent(alert, deps, signal)
  if ('reason' in answer) settle(queued, { state: 'sent', reason: answer.reason }, deps)
  // Where it was cut off, nobody knows whether it has arrived: it stays as one that was being sent.
  else if (!signal.aborted) failed(queued, answer.error, deps)
}

/** What the receiver said, or why it was not told. */
async function sent(
  alert: ToldAlert,
  { channel }: DeliverDeps,
  signal: AbortSignal,
): Promise<{ readonly reason: string } | { readonly error: unknown }> {
  try {
    return { reason: await channel.send(alert, signal) }
  } catch (error) {
    return { error }
  }
}

async function arrived(alert: ToldAlert, { channel, log }: DeliverDeps): Promise<boolean> {
  if ((await channel.has?.(alert)) === true) return true
  const facts = { channel: channel.name, id: alert.id }
  log.warn(facts, 'sent again under the same id: the last try was cut off, and may have arrived')
  return false
}

/** As it may leave now; null: it no longer should, and is settled. */
function prepared(queued: Queued, deps: DeliverDeps): ToldAlert | null {
  const { store, ledger, channel, settings, untagged } = deps
  const db = ledger()
  const alert = freshened(queued.alert, {
    ledger: db && new AttributeReader(db),
    isFalse: (hit) => store.isFalse(hit),
  })
  if (alert === null) {
    const reason = 'its indicators are served no longer, or its hits were called false'
    settle(queued, { state: 'dropped', reason }, deps)
    return null
  }
  if (isLate(alert, queued, deps)) {
    foldIntoDigest(alert, queued, deps)
    return null
  }
  return told(alert, { channel: channel.name, disclose: settings.disclose, untagged })
}

/** A first sight that nobody could be told for so long is no news. One that may have arrived stays. */
function isLate({ kind, sights }: Alert, { state }: Queued, { settings, clock }: DeliverDeps) {
  const pace = paceOf(settings)
  const now = clock()
  return kind === 'hit' && state === 'waiting' && sights.every((sight) => isOld(sight, pace, now))
}

function foldIntoDigest(alert: Alert, queued: Queued, deps: DeliverDeps): void {
  const { store, settings, clock } = deps
  const now = clock()
  inTransaction(store.db, () => {
    for (const sight of alert.sights) {
      const pair = pairOf(sight, settings.per)
      putOff({ store, channel: settings.name, pair, sight: { ...sight, backscan: true }, now })
    }
    settle(
      queued,
      { state: 'dropped', reason: 'too old when it could be sent: in the digest' },
      deps,
    )
  })
}

function failed(queued: Queued, error: unknown, deps: DeliverDeps): void {
  const { channel, metrics, log } = deps
  metrics.count('tipline_alert_failures_total', { channel: channel.name })
  if (error instanceof TiplineError && !(error instanceof AlertRefused)) {
    postpone(queued, error, deps)
    return
  }
  const reason = error instanceof Error ? plain(error.message) : 'unknown'
  settle(queued, { state: 'parked', reason }, deps)
  log.error({ channel: channel.name, id: queued.alert.id, err: error }, 'an alert is parked')
}

function postpone(queued: Queued, error: TiplineError, deps: DeliverDeps): void {
  const { channel, clock, store, log, random } = deps
  const attempt = queued.tries + 1
  const afterMs = error instanceof ChannelUnavailable ? error.afterMs : undefined
  const options = { baseMs: BASE_MS, maxMs: MAX_MS, ...(random && { random }) }
  const waitMs = Math.max(LEAST_MS, delayAfter({ attempt, afterMs, options }))
  const now = clock()
  store.later(queued.number, { due: now + waitMs, reason: plain(error.message), now })
  const facts = { channel: channel.name, id: queued.alert.id, attempt, waitMs, err: error }
  // The same trouble all night needs no line a minute.
  if (attempt === 1) log.warn(facts, 'an alert could not be sent, and waits')
  else log.debug(facts, 'an alert could still not be sent')
}

function settle(
  { number, alert }: Queued,
  { state, reason }: { state: 'sent' | 'parked' | 'dropped'; reason: string },
  { store, channel, metrics, clock }: DeliverDeps,
): void {
  store.settle(number, { state, reason, now: clock() })
  metrics.count('tipline_alerts_total', { channel: channel.name, kind: alert.kind, result: state })
}
