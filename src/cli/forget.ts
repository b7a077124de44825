/** `tipline forget`: takes away what a source brought that is out of the config. */
import { EXIT, UsageError } from '../errors.js'
import { acquireLock } from '../ledger/lock.js'
import { readSources } from '../ledger/sources.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { type Effect, effectLines, statusOfEffects, takeEffect } from './effect.js'
import { type Shipping, withShipping } from './wiring.js'
import { count } from './words.js'

export async function forgetCommand(context: Context, name: string): Promise<number> {
  return withShipping(context, async (parts) => {
    const { dataDir } = parts.config
    // A pull that runs now might be about to write what is taken away.
    const lock = await acquireLock({ dataDir, name: 'sync', waitMs: 0 })
    try {
      return await forget(context, { parts, name })
    } finally {
      lock.release()
    }
  })
}

async function forget(
  context: Context,
  { parts, name }: { parts: Shipping; name: string },
): Promise<number> {
  const { config, ledger } = parts
  if (config.sources.some((source) => source.name === name)) {
    throw new UsageError({
      what: `the source ${name} is in the config, so the next sync would bring everything back`,
      hint: 'take it out of the config first',
    })
  }
  const source = readSources(ledger.db).find((row) => row.name === name)
  if (!source) return tellUnknown(context, { parts, name })
  const carriers = await ledger.writer.forgetSource({ source: source.id, now: context.now() })
  const effects: Effect[] = await takeEffect(parts, context)
  context.out.answer(
    { forgotten: name, carriers, sinks: effects.map((effect) => effect.document) },
    () => [
      `forgot ${printable(name)}, which had carried ${count(carriers, 'indicator')}`,
      ...effectLines(effects),
    ],
  )
  return statusOfEffects(effects)
}

function tellUnknown(context: Context, { parts, name }: { parts: Shipping; name: string }): number {
  const known = readSources(parts.ledger.db).map((row) => row.name)
  context.out.answer({ forgotten: null, known }, () => [
    `the ledger has no source ${printable(name)}; it has ${printable(known.join(', ') || 'none')}`,
  ])
  return EXIT.nothing
}
