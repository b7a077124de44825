/** Bringing a change by hand into every sink, now. */
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT, LedgerBusy } from '../errors.js'
import { readCursors } from '../ledger/changes.js'
import { acquireLock } from '../ledger/lock.js'
import { printable } from '../log.js'
import { shipOnly } from '../sync/sync.js'
import { errorDocument } from '../sync/sync-document.js'
import type { Context } from './context.js'
import type { Shipping } from './wiring.js'

export interface Effect {
  readonly sink: string
  readonly ok: boolean
  /** Why it is not in effect yet. */
  readonly what: string | null
  readonly hint: string | undefined
  readonly document: object
}

/** A sync that is writing to the sinks takes the change along; we watch it that long. */
const PATIENCE_MS = 60_000
const POLL_MS = 200

export async function takeEffect(parts: Shipping, context: Context): Promise<Effect[]> {
  const head = headOf(parts)
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    if (behind(parts, head).length === 0) return parts.sinks.map(({ name }) => inEffect(name))
    const other = await shipper(parts)
    if (other === null) return ship(parts, context)
    await sleep(POLL_MS)
  }
  const late = new Set(behind(parts, head))
  return parts.sinks.map(({ name }) => (late.has(name) ? awaited(name) : inEffect(name)))
}

export function statusOfEffects(effects: readonly Effect[]): number {
  return effects.every(({ ok }) => ok) ? EXIT.done : EXIT.outside
}

export function effectLines(effects: readonly Effect[]): string[] {
  if (effects.length === 0) return ['There is no sink in the config.']
  return effects.flatMap(({ sink, ok, what, hint }) =>
    ok
      ? [`  ${printable(sink)}: in effect`]
      : [
          `  ${printable(sink)}: not yet: ${printable(what ?? '')}; the next sync catches up`,
          ...(hint === undefined ? [] : [`    hint: ${printable(hint)}`]),
        ],
  )
}

async function ship(parts: Shipping, context: Context): Promise<Effect[]> {
  const { config, ledger, sinks, log, metrics } = parts
  const reports = await shipOnly({
    dataDir: config.dataDir,
    ledger,
    sinks,
    log,
    metrics,
    clock: () => context.now(),
    signal: context.signal,
  })
  return reports.map(({ sink, error }) => {
    if (error === null) return inEffect(sink)
    const document = { name: sink, ok: false, error: errorDocument(error) }
    return { sink, ok: false, what: error.message, hint: error.hint, document }
  })
}

/** The process that writes to the sinks now; null: none. */
async function shipper({ config: { dataDir } }: Shipping): Promise<LedgerBusy | null> {
  try {
    const lock = await acquireLock({ dataDir, name: 'ship', waitMs: 0 })
    lock.release()
    return null
  } catch (error) {
    if (error instanceof LedgerBusy) return error
    throw error
  }
}

function behind({ ledger, sinks }: Shipping, head: number): string[] {
  const reached = new Map(readCursors(ledger.db).map(({ sink, seq }) => [sink, seq]))
  return sinks.map(({ name }) => name).filter((name) => (reached.get(name) ?? -1) < head)
}

function headOf({ ledger }: Shipping): number {
  const states = ledger.openStates()
  const head = states.head()
  states.close()
  return head
}

function inEffect(sink: string): Effect {
  return { sink, ok: true, what: null, hint: undefined, document: { name: sink, ok: true } }
}

function awaited(sink: string): Effect {
  const what = 'another process is still writing to it'
  const hint = 'tipline status tells when it is done'
  return { sink, ok: false, what, hint, document: { name: sink, ok: false, error: { what, hint } } }
}
