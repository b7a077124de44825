/** What a person names to be held or released: a value, or an event. */
import { userInfo } from 'node:os'
import { UsageError } from '../errors.js'
import { exactCandidates } from '../indicators/observable.js'
import type { HoldTarget } from '../ledger/holds.js'
import { findEvents, findIndicators } from '../ledger/knowledge.js'
import type { Database } from '../ledger/sqlite.js'
import type { Environment } from './context.js'

export interface Named {
  /** As it was named. */
  readonly target: string
  /** uuid; null: it is a value. */
  readonly event: string | null
  readonly targets: readonly HoldTarget[]
  /** What the ledger has of it now. */
  readonly known: boolean
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** @throws UsageError for what is neither */
export function resolveNamed(db: Database, text: string): Named {
  const target = text.trim()
  const named = /^event:(.*)$/i.exec(target)?.[1]?.trim()
  if (named !== undefined)
    return UUID.test(named) ? ofEvent(db, target, named) : byId(db, target, named)
  if (UUID.test(target) && !isValue(db, target)) return ofEvent(db, target, target)
  return ofValue(db, target)
}

/** A uuid may also be an indicator, of an Azure application. */
function isValue(db: Database, text: string): boolean {
  return findEvents(db, text.toLowerCase()).length === 0 && ofValue(db, text).known
}

function ofEvent(db: Database, target: string, uuid: string): Named {
  const event = uuid.toLowerCase()
  return { target, event, targets: [], known: findEvents(db, event).length > 0 }
}

function byId(db: Database, target: string, id: string): Named {
  const events = findEvents(db, id).filter(({ mispId }) => mispId === id)
  const [uuid, another] = new Set(events.map((event) => event.uuid))
  if (uuid === undefined) {
    throw new UsageError({
      what: `no source has an event ${id}`,
      hint: 'an event that is yet to come is named by its uuid: event:UUID',
    })
  }
  if (another !== undefined) {
    const which = events.map((event) => `${event.source}: ${event.uuid}`).join(', ')
    throw new UsageError({
      what: `several events are called ${id} (${which})`,
      hint: 'name the uuid',
    })
  }
  return ofEvent(db, target, uuid)
}

function ofValue(db: Database, target: string): Named {
  const targets = exactCandidates(target)
  if (targets.length === 0) {
    throw new UsageError({ what: 'the value is empty', hint: 'tipline hold 192.0.2.1 --why ...' })
  }
  const known = findIndicators(db, targets).some(({ carriers }) => carriers.length > 0)
  return { target, event: null, targets, known }
}

/** Who does it, unless a name is given. */
export function authorOf(given: string | undefined, env: Environment): string {
  return given?.trim() || env.SUDO_USER || systemUser(env)
}

function systemUser(env: Environment): string {
  try {
    return userInfo().username
  } catch (error) {
    // A container may run as a user whom its system does not know.
    if (!(error instanceof Error)) throw error
    return env.USER ?? 'unknown'
  }
}
