/** A client for tests: it waits for nothing, and notes what it would have waited. */
import { Agent } from 'undici'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { createMispClient, type MispClient } from '../../src/misp/client.js'
import type { AttributeRow } from '../../src/misp/rows.js'
import type { MispClientOptions } from '../../src/misp/wire.js'

export const KEY = 'aSecretKeyOfFortyCharacters0123456789abc'

export interface TestClient {
  readonly client: MispClient
  readonly metrics: Metrics
  /** Milliseconds. */
  readonly waits: number[]
  close(): Promise<void>
}

export function clientFor(url: string, options: Partial<MispClientOptions> = {}): TestClient {
  const dispatcher = new Agent({ connect: { timeout: 2000 } })
  const metrics = new Metrics()
  const waits: number[] = []
  const client = createMispClient({
    name: 'main',
    url,
    key: KEY,
    dispatcher,
    log: silentLogger(),
    metrics,
    sleep: async (ms) => {
      waits.push(ms)
    },
    random: () => 0.5,
    ...options,
  })
  return { client, metrics, waits, close: () => dispatcher.destroy() }
}

export const NEVER: AbortSignal = new AbortController().signal

export async function allRows(
  batches: AsyncIterable<readonly AttributeRow[]>,
): Promise<AttributeRow[]> {
  const rows: AttributeRow[] = []
  for await (const batch of batches) rows.push(...batch)
  return rows
}
