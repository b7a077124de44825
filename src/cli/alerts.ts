/** `tipline alerts`: messages that their receivers refused, and what to do with them. */
import { EXIT } from '../errors.js'
import { dropParked, type Parked, parkedAlerts, retryParked } from '../hits/alerts/status.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { withHits } from './hit-stores.js'
import { count, table } from './words.js'

export interface AlertsOptions {
  readonly retry?: string
  readonly drop?: string
}

/** Nothing parked, or nothing of that id: exit status 1. */
export async function alertsCommand(
  context: Context,
  { retry, drop }: AlertsOptions,
): Promise<number> {
  return await withHits(context, async ({ db }) => {
    const { out } = context
    const given = retry ?? drop
    if (given === undefined) {
      const parked = parkedAlerts(db)
      out.answer({ parked: parked.map(document) }, () => lines(parked))
      return parked.length > 0 ? EXIT.done : EXIT.nothing
    }
    const asked = { id: given === 'all' ? null : given, now: Date.now() }
    const changed = retry === undefined ? dropParked(db, asked) : retryParked(db, asked)
    const done = retry === undefined ? 'dropped' : 'put back: tipline run sends them'
    const none =
      given === 'all' ? 'no message is parked' : `no message is parked as ${printable(given)}`
    out.answer({ changed }, () => [changed === 0 ? none : `${count(changed, 'message')} ${done}`])
    return changed > 0 ? EXIT.done : EXIT.nothing
  })
}

function document({ at, parked, ...rest }: Parked): object {
  return { ...rest, at: isoTime(at), parked_at: isoTime(parked) }
}

function lines(parked: readonly Parked[]): string[] {
  if (parked.length === 0) return ['no message is parked']
  return table(
    parked.map(({ id, channel, kind, at, reason }) =>
      [id, channel, kind, isoTime(at), reason].map(printable),
    ),
  )
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
