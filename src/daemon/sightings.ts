/** Tells MISPs of what was met, where the config in force says so. */
import { closing, type Later } from '../closing.js'
import { storesOptions } from '../config/hit-stores.js'
import type { LoadedConfig } from '../config/load.js'
import { TiplineError } from '../errors.js'
import { asHitsError } from '../hits/database.js'
import {
  flowSightingsOutage,
  Sightings,
  sightingsOutage,
  type Told,
} from '../hits/sightings/runner.js'
import { openStores } from '../hits/stores.js'
import type { Outages } from '../outage.js'
import { parseDuration } from '../policy/duration.js'
import { openSightings } from '../sync/open-source.js'
import { Bell } from './bell.js'
import { withOwnSignal } from './rota.js'
import type { Works } from './works.js'

/** A round is at most so long, and shorter where a source gathers for less. */
const ROUND_MS = 60_000
const SHORTEST_MS = 1000

/** Until the abort. What fails is told, and tried again with the next round: the queue is on the disk. */
export async function tellSightings(
  works: Works,
  config: () => LoadedConfig,
  signal: AbortSignal,
): Promise<void> {
  const bell = new Bell()
  const outage = works.outages.of({ part: 'sightings' })
  let before: readonly string[] = []
  while (!signal.aborted) {
    try {
      const told = await withOwnSignal(signal, (own) => round(works, config(), own))
      forgetBut(told, { before, outages: works.outages })
      before = told
      outage.over()
    } catch (error) {
      if (signal.aborted) return
      const err = asHitsError(error, config().dataDir)
      // A CA file that is being renewed, or hits that can't be read just now.
      if (!(err instanceof TiplineError)) throw error
      outage.failed(err)
    }
    await bell.wait(roundOf(config()), signal)
  }
}

/** What a reload has taken out of the config does not fail any more. */
function forgetBut(
  told: readonly string[],
  { before, outages }: { before: readonly string[]; outages: Outages },
): void {
  const gone = before.filter((source) => !told.includes(source))
  for (const source of gone) sightingsOutage(outages, source).forget()
  if (told.length === 0) flowSightingsOutage(outages).forget()
}

function roundOf({ sources }: LoadedConfig): number {
  const every = sources.flatMap((source) =>
    source.type === 'misp' && source.sightings ? [millisecondsOf(source.sightings.every)] : [],
  )
  return Math.max(SHORTEST_MS, Math.min(ROUND_MS, ...every))
}

function millisecondsOf(duration: string): number {
  return (parseDuration(duration) ?? 3600) * 1000
}

/**
 * Opened anew each time: the config may be another one, and an hour may pass without a sighting. Answers
 * the sources that are told.
 */
async function round(
  { log, metrics, clocks, outages }: Works,
  config: LoadedConfig,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return await closing(async (later) => {
    const told = openTold(config, { log, metrics }, later)
    if (told.length === 0) return []
    const stores = openStores({ ...storesOptions(config), log, metrics, signal })
    later(() => stores.close())
    const untagged = config.policy.untagged_as
    const sightings = new Sightings({ stores, told, untagged, log, metrics, outages })
    await sightings.runOnce(clocks.wall(), signal)
    return told.map(({ source }) => source)
  })
}

function openTold(
  { sources }: LoadedConfig,
  deps: Pick<Works, 'log' | 'metrics'>,
  later: Later,
): Told[] {
  return sources.flatMap((source) => {
    if (source.type !== 'misp' || !source.sightings) return []
    const { every, source: label, max_tlp, per_hour, false_positives } = source.sightings
    const { client, close } = openSightings(source, deps)
    later(close)
    const told = {
      source: source.name,
      client,
      every: millisecondsOf(every),
      label,
      maxTlp: max_tlp,
      perHour: per_hour,
      falsePositives: false_positives,
    }
    return [told]
  })
}
