/** `tipline hold`: the kill switch. */
import { UsageError } from '../errors.js'
import { holdDocument } from '../ledger/documents.js'
import type { Hold } from '../ledger/holds.js'
import { parseDuration } from '../policy/duration.js'
import type { Context } from './context.js'
import { effectLines, statusOfEffects, takeEffect } from './effect.js'
import { authorOf, type Named, resolveNamed } from './hold-target.js'
import { holdLine } from './hold-words.js'
import { withShipping } from './wiring.js'

export interface HoldOptions {
  readonly what: string
  readonly why: string
  readonly for?: string
  readonly by?: string
}

export async function holdCommand(context: Context, options: HoldOptions): Promise<number> {
  const why = options.why.trim()
  const now = context.now()
  const until = options.for === undefined ? null : now + secondsOf(options.for)
  return withShipping(context, async (parts) => {
    await parts.ledger.writer.expireHolds(now)
    const named = resolveNamed(parts.ledger.db, options.what)
    const author = authorOf(options.by, context.env)
    const { target, targets, event } = named
    const { hold } = await parts.ledger.writer.addHold({
      hold: { target, targets, event, author, why, until },
      now,
    })
    const effects = await takeEffect(parts, context)
    context.out.answer(
      { hold: holdDocument(hold), known: named.known, sinks: effects.map((e) => e.document) },
      () => [...holdLines(hold, named), ...effectLines(effects)],
    )
    return statusOfEffects(effects)
  })
}

function secondsOf(duration: string): number {
  const seconds = parseDuration(duration)
  if (seconds !== null && seconds > 0) return seconds
  throw new UsageError({
    what: `--for ${duration} is no duration`,
    hint: 'write 30m, 24h, 7d or 4w',
  })
}

function holdLines(hold: Hold, { known, event }: Named): string[] {
  const what = event === null ? 'value' : 'event'
  return [
    `held: ${holdLine(hold)}`,
    ...(known ? [] : [`  no source has this ${what} now; it will be held when it comes`]),
  ]
}
