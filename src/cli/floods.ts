/** What every command does that brings flows or indicators in: floods that nobody was told of are told. */
import { storesOptions } from '../config/hit-stores.js'
import { tellFloodsOf } from '../hits/floods.js'
import type { Context } from './context.js'
import type { Base } from './wiring.js'

/** `back`: how far back flows were looked at; default: as the config has it. */
export async function tellNewFloods(
  { config, log, metrics }: Pick<Base, 'config' | 'log' | 'metrics'>,
  context: Context,
  back = config.sinks.clickhouse?.backscan,
): Promise<void> {
  const now = context.now() * 1000
  await tellFloodsOf(storesOptions(config), { now, back, log, metrics }, context.signal)
}
