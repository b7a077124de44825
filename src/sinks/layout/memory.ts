/** What the sink writes of itself into the server, and reads back: anybody may have put anything there. */
import { z } from 'zod'
import { ascii } from '../../ascii.js'
import type { Heartbeat, Position } from '../sink.js'

const positionSchema = z.object({
  ledger: z.string().max(100),
  seq: z.int().nonnegative(),
  settings: z.string().max(100),
})

const watchSchema = z.object({
  evictions: z.int().nonnegative(),
  risen: z.number().nullable(),
  need: z.number().nonnegative().nullable(),
})

export type WatchState = z.output<typeof watchSchema>

const heartbeatSchema = z.object({ at: z.number() })

export function positionText(position: Position): string {
  return ascii(position)
}

/** null: none is there, or nothing that can be read. */
export function positionFrom(bytes: Buffer | null): Position | null {
  return positionSchema.safeParse(jsonFrom(bytes)).data ?? null
}

export function watchText({ evictions, risen, need }: WatchState): string {
  return ascii({ evictions, risen, need })
}

export function watchFrom(bytes: Buffer | null): WatchState | null {
  return watchSchema.safeParse(jsonFrom(bytes)).data ?? null
}

/**
 * `oldest` is null as long as one source has not been read. `behind`: of several servers those that
 * could not be reached or brought up to date, so that an outage shows on every log line.
 */
export function heartbeatText(
  { at, sources }: Heartbeat,
  behind: readonly string[] | null,
): string {
  const times = sources.map(({ lastGoodSync }) => lastGoodSync)
  const oldest = times.includes(null) ? null : Math.min(...(times as number[]))
  const bySource = sources.map(({ name, lastGoodSync }) => [name, lastGoodSync])
  return ascii({
    at,
    oldest: Number.isFinite(oldest) ? oldest : null,
    sources: Object.fromEntries(bySource),
    ...(behind && { behind }),
  })
}

export function heartbeatFrom(bytes: Buffer | null): { readonly at: number } | null {
  return heartbeatSchema.safeParse(jsonFrom(bytes)).data ?? null
}

function jsonFrom(bytes: Buffer | null): unknown {
  if (bytes === null) return null
  try {
    return JSON.parse(bytes.toString('latin1'))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
