/** What `tipline doctor` says of any cache that tipline writes its own state into. */
import { TiplineError } from '../../errors.js'
import { printable } from '../../log.js'
import type { Health } from '../sink.js'
import { heartbeatFrom, positionFrom } from './memory.js'

export type Finding = Health['findings'][number]

/** Who asks, and what it expects. */
export interface Examiner {
  /** Epoch seconds. */
  readonly now: number
  /** The fingerprint of the sink's settings. */
  readonly settings: string
  readonly ledger: string | undefined
}

/** Older than this, the heartbeat says that nobody looks after the sink. */
export const STALE_HEARTBEAT = 3600
const REBUILT = 'the next sync rebuilds it'

/** What `look` finds; a server that is gone, or a file that can't be read, is a finding too. Never throws. */
export async function healthOf(look: () => Promise<Finding[]>): Promise<Health> {
  try {
    const findings = await look()
    return { ok: findings.every(({ level }) => level !== 'error'), findings }
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    return { ok: false, findings: [{ level: 'error', message: error.message, ...hint }] }
  }
}

/** `state`: what stands where the sink remembers its position. */
export function position(state: Buffer | null, { ledger, settings }: Examiner): Finding {
  const at = positionFrom(state)
  if (!at) {
    const hint = 'the next sync fills it from the ledger'
    return { level: 'warn', message: 'holds no state of tipline: new, restarted or flushed', hint }
  }
  const message = `holds the state of ledger ${printable(at.ledger)} up to change ${at.seq}`
  const hint =
    'is it the right server? Two ledgers that write to one undo each other: stop the other, and the next sync rebuilds it, or says what is in its way'
  if (ledger !== undefined && at.ledger !== ledger) {
    return { level: 'error', message: `${message}, which is another ledger`, hint }
  }
  if (at.settings !== settings) {
    return { level: 'warn', message: `${message}, with other settings`, hint: REBUILT }
  }
  return { level: 'ok', message }
}

export function freshness(heartbeat: Buffer | null, { now }: Examiner): Finding {
  const beat = heartbeatFrom(heartbeat)
  if (!beat) return { level: 'warn', message: 'has no heartbeat of tipline' }
  const age = now - beat.at
  const message = `its heartbeat is ${age} s old`
  if (age <= STALE_HEARTBEAT) return { level: 'ok', message }
  return { level: 'warn', message, hint: 'is `tipline run` or the timer of `tipline sync` alive?' }
}
