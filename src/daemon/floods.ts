/** Looks now and then whether an indicator meets more flows than are stored, whoever brings the flows. */
import { storesOptions } from '../config/hit-stores.js'
import type { LoadedConfig } from '../config/load.js'
import { tellFloodsOf } from '../hits/floods.js'
import { Bell } from './bell.js'
import { withOwnSignal } from './rota.js'
import type { Works } from './works.js'

const EVERY_MS = 60_000

/** Until the abort. */
export async function watchFloods(
  { log, metrics, clocks }: Works,
  config: () => LoadedConfig,
  signal: AbortSignal,
): Promise<void> {
  const bell = new Bell()
  while (!signal.aborted) {
    await bell.wait(EVERY_MS, signal)
    if (signal.aborted) return
    const { backscan: back } = config().sinks.clickhouse ?? {}
    const telling = { now: clocks.wall(), back, log, metrics }
    try {
      await withOwnSignal(signal, (own) => tellFloodsOf(storesOptions(config()), telling, own))
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
