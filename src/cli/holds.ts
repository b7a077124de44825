/** `tipline holds`: the holds by hand. */
import { EXIT } from '../errors.js'
import { holdDocument } from '../ledger/documents.js'
import { activeHolds, allHolds, type Hold } from '../ledger/holds.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { readingLedger } from './data-folder.js'
import { holdLine } from './hold-words.js'
import { moment } from './words.js'

export async function holdsCommand(context: Context, options: { all?: boolean }): Promise<number> {
  const holds = await readingLedger(context, (db) => (options.all ? allHolds(db) : activeHolds(db)))
  context.out.answer({ holds: holds.map(holdDocument) }, () =>
    holds.length === 0
      ? ['nothing is held by hand']
      : holds.map((hold) => line(hold, context.now())),
  )
  return holds.length === 0 ? EXIT.nothing : EXIT.done
}

function line(hold: Hold, now: number): string {
  const { endedAt, endedBy, until } = hold
  const line = holdLine(hold)
  if (endedAt !== null) return `${line} (ended ${moment(endedAt)}: ${printable(endedBy ?? '')})`
  return until !== null && until <= now ? `${line} (its time is over: the next sync ends it)` : line
}
