/** `tipline status`: how fresh everything is, and what needs a hand. */
import { tellingsOf } from '../config/hit-stores.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import { EXIT, UsageError } from '../errors.js'
import { openHitsForReading } from '../hits/database.js'
import { openForReading } from '../ledger/database.js'
import { setAsideDocument } from '../ledger/documents.js'
import { findAttribute, listSetAside } from '../ledger/knowledge.js'
import { readWithheld, withheldItems } from '../ledger/sources.js'
import type { Database } from '../ledger/sqlite.js'
import { printable } from '../log.js'
import { flowsDocument } from '../match/flow-report.js'
import { acceptCommand, readStatus, type Status } from '../sync/status.js'
import { statusDocument } from '../sync/status-document.js'
import { daemonStatus } from './ask-daemon.js'
import type { Context } from './context.js'
import { flowLines, flowsOf } from './flow-status.js'
import { statusLines } from './status-report.js'
import { count, iso, table } from './words.js'

export async function statusCommand(
  context: Context,
  { withheld, setAside }: { withheld?: string; setAside?: boolean },
): Promise<number> {
  const config = await loadConfig(context.options.config, context.env)
  context.secrets = config.secrets
  const db = openForReading(config.dataDir)
  try {
    if (withheld !== undefined) return tellWithheld(context, db, withheld)
    if (setAside) return tellSetAside(context, db)
    const status = await statusOf(config, context, db)
    const flows = await flowsOf(config, context)
    const problems = [...status.problems, ...(flows?.problems ?? [])]
    const all = { ...status, problems }
    context.out.answer(
      { ...statusDocument(all), ...(flows && { flows: flowsDocument(flows) }) },
      () => statusLines(all, context, flows ? flowLines(flows, context.now()) : []),
    )
    return problems.length === 0 ? EXIT.done : EXIT.nothing
  } finally {
    db.close()
  }
}

async function statusOf(config: LoadedConfig, context: Context, db: Database): Promise<Status> {
  const { dataDir, sources, sinks } = config
  const hits = openHitsForReading(dataDir)
  try {
    return readStatus(db, {
      dataDir,
      sources: sources.map(({ name }) => name),
      sinks: Object.keys(sinks),
      tellings: tellingsOf(config),
      hits,
      daemon: await daemonStatus(dataDir, context.signal),
      now: context.now(),
      configArgument: context.configArgument,
    })
  } finally {
    hits?.close()
  }
}

const MOST_ITEMS = 1000

/** The first ones; how many there are in all, the status tells. Exit status 1 if there is none. */
function tellSetAside(context: Context, db: Database): number {
  const all = listSetAside(db, MOST_ITEMS)
  context.out.answer({ listed: all.map(setAsideDocument) }, () =>
    all.length === 0
      ? ['nothing is set aside']
      : table(
          all.map(({ source, eventId, eventUuid, type, value, reason }) =>
            [source, `event ${eventId || eventUuid}`, type, value, reason].map(printable),
          ),
        ),
  )
  return all.length === 0 ? EXIT.nothing : EXIT.done
}

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
      accept_with: acceptCommand(entry, context.configArgument),
      listed: items.map(itemDocument),
    },
    () => [
      printable(`${id}: ${entry.kind} of ${entry.source ?? 'the policy'}: ${entry.why}`),
      ...table(items.map(itemRow), '  '),
      ...(entry.items > items.length ? [`  and ${count(entry.items - items.length, 'more')}`] : []),
      `to let them through: ${acceptCommand(entry, context.configArgument)}`,
    ],
  )
  return EXIT.done
}

type Item = ReturnType<typeof withheldItems>[number] & {
  /** null: it would be new. */
  readonly known: ReturnType<typeof findAttribute>
}

function itemDocument({ event, attribute, known }: Item): object {
  const ids = { event_uuid: event, attribute_uuid: attribute }
  if (known === null) return ids
  const { source, eventId, eventInfo, type, value } = known
  return { ...ids, source, event: eventId, event_info: eventInfo, type, value }
}

function itemRow({ event, attribute, known }: Item): string[] {
  if (known === null) return [`event ${event}`, `attribute ${attribute}`]
  return [`event ${known.eventId || event}`, known.type, printable(known.value)]
}
