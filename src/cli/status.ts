/** `tipline status`: how fresh everything is, and what needs a hand. */
import { loadConfig } from '../config/load.js'
import { EXIT, UsageError } from '../errors.js'
import { openForReading } from '../ledger/database.js'
import { findAttribute } from '../ledger/knowledge.js'
import { readWithheld, withheldItems } from '../ledger/sources.js'
import type { Database } from '../ledger/sqlite.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { readStatus } from './status-read.js'
import { statusDocument, statusLines } from './status-report.js'
import { acceptCommand } from './sync-report.js'
import { count, iso, table } from './words.js'

export async function statusCommand(
  context: Context,
  { withheld }: { withheld?: string },
): Promise<number> {
  const config = await loadConfig(context.options.config, context.env)
  context.secrets = config.secrets
  const db = openForReading(config.dataDir)
  try {
    if (withheld !== undefined) return tellWithheld(context, db, withheld)
    const status = readStatus(context, { db, config })
    context.out.answer(statusDocument(status), () => statusLines(status, context))
    return status.problems.length === 0 ? EXIT.done : EXIT.nothing
  } finally {
    db.close()
  }
}

const MOST_ITEMS = 1000

/** What would be accepted under this id. */
function tellWithheld(context: Context, db: Database, id: string): number {
  const entry = readWithheld(db).find((each) => each.id === id)
  if (!entry) {
    throw new UsageError({
      what: `nothing is withheld under ${id}`,
      hint: 'tipline status tells what is withheld; an id changes when more comes to it',
    })
  }
  const items = withheldItems(db, id, MOST_ITEMS).map((item) => ({
    ...item,
    known: findAttribute(db, item),
  }))
  context.out.answer(
    {
      ...entry,
      at: iso(entry.at),
      accept_with: acceptCommand(entry, context),
      listed: items.map(({ event, attribute, known }) => ({
        event_uuid: event,
        attribute_uuid: attribute,
        ...known,
      })),
    },
    () => [
      printable(`${id}: ${entry.kind} of ${entry.source ?? 'the policy'}: ${entry.why}`),
      ...table(
        items.map(({ event, attribute, known }) =>
          known === null
            ? [`event ${event}`, `attribute ${attribute}`]
            : [`event ${known.eventId || event}`, known.type, printable(known.value)],
        ),
        '  ',
      ),
      ...(entry.items > items.length ? [`  and ${count(entry.items - items.length, 'more')}`] : []),
      `to let them through: ${acceptCommand(entry, context)}`,
    ],
  )
  return EXIT.done
}
