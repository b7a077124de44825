/** `tipline release`: ends holds by hand. */
import { EXIT, UsageError } from '../errors.js'
import { holdDocument } from '../ledger/documents.js'
import { activeHolds, type Hold, holdsOn } from '../ledger/holds.js'
import type { Database } from '../ledger/sqlite.js'
import { printable } from '../log.js'
import { liveNetLengths, lookup } from '../match/lookup.js'
import type { Context } from './context.js'
import { effectLines, statusOfEffects, takeEffect } from './effect.js'
import { authorOf, resolveNamed } from './hold-target.js'
import { holdLine } from './hold-words.js'
import { stateWord } from './lookup.js'
import { withShipping } from './wiring.js'

export interface ReleaseOptions {
  readonly what: string
  readonly why?: string
  readonly by?: string
}

export async function releaseCommand(context: Context, options: ReleaseOptions): Promise<number> {
  return withShipping(context, async (parts) => {
    const { db, writer } = parts.ledger
    await writer.expireHolds(context.now())
    const holds = holdsMeant(db, options.what)
    if (holds.length === 0) return tellNone(context, options.what)
    const author = authorOf(options.by, context.env)
    const by = options.why ? `${author}: ${options.why}` : author
    await writer.endHolds({ ids: holds.map(({ id }) => id), by, now: context.now() })
    const effects = await takeEffect(parts, context)
    const now = holds.map((hold) => stateNow(db, hold))
    context.out.answer(
      {
        released: holds.map((hold, at) => ({ ...holdDocument(hold), state: now[at] })),
        sinks: effects.map((effect) => effect.document),
      },
      () => [
        ...holds.map((hold, at) => {
          const state = now[at]
          const is = state ? `; now ${stateWord(state, context.out)}` : ''
          return `released: ${holdLine(hold)}${is}`
        }),
        ...effectLines(effects),
      ],
    )
    return statusOfEffects(effects)
  })
}

function holdsMeant(db: Database, what: string): Hold[] {
  const number = /^#?(\d{1,15})$/.exec(what.trim())?.[1]
  if (number === undefined) return holdsOn(db, resolveNamed(db, what))
  const hold = activeHolds(db).find(({ id }) => id === Number(number))
  if (hold) return [hold]
  throw new UsageError({
    what: `there is no hold ${number} in force`,
    hint: 'tipline holds lists them',
  })
}

/** Of a value; undefined for an event. */
function stateNow(db: Database, { event, target }: Hold): string | undefined {
  if (event !== null) return undefined
  return lookup(db, target, liveNetLengths(db)).state
}

function tellNone(context: Context, what: string): number {
  context.out.answer({ released: [], sinks: [] }, () => [
    `no hold by hand on ${printable(what)}; tipline explain tells what else may hold it`,
  ])
  return EXIT.nothing
}
