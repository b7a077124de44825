/** States for the tests of sinks, and what sinks are made with. */
import { createHash } from 'node:crypto'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import type { Carrier, Heartbeat, KeyState, Position, SinkDeps } from '../../src/sinks/sink.js'

export const NOW = 1_750_000_000

/** One source, nothing written to a log, and the clock stands at NOW. */
export function sinkDeps(of: Partial<SinkDeps> = {}): SinkDeps {
  return {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceNames: ['main'],
    dataDir: '',
    clock: () => NOW,
    ...of,
  }
}

export function carrier(of: Partial<Carrier> = {}): Carrier {
  return {
    eventId: '1',
    eventUuid: '00000000-0000-4000-8000-000000000001',
    eventInfo: 'Scans of the example network',
    attributeUuid: '00000000-0000-4000-9000-000000000001',
    type: 'ip-dst',
    port: 0,
    tags: ['tlp:green'],
    threatLevel: 2,
    source: 'main',
    timestamp: NOW - 1000,
    firstSeen: null,
    lastSeen: null,
    liveSince: NOW - 500,
    ...of,
  }
}

/** An address that events carry: `ipState('198.51.100.1', ['7', '8'])`. No event: it is to go. */
export function ipState(value: string, events: readonly string[] = ['1']): KeyState {
  const carriers = events.map((eventId, n) =>
    carrier({ eventId, attributeUuid: uuidOf(`${value} ${eventId}`), timestamp: NOW - 1000 - n }),
  )
  return { space: 'ip', value, carriers }
}

/** The same each time, and another for each text. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** So many different addresses. */
export function ipStates(count: number, events?: readonly string[]): KeyState[] {
  return Array.from({ length: count }, (_, n) =>
    ipState(`10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`, events),
  )
}

export const POSITION: Position = { ledger: 'ledger-a', seq: 42, settings: 'fingerprint' }

export function heartbeat(of: Partial<Heartbeat> = {}): Heartbeat {
  return {
    at: NOW,
    sources: [
      { name: 'main', lastGoodSync: NOW - 5 },
      { name: 'feed', lastGoodSync: NOW - 60 },
    ],
    keys: { ip: 3, domain: 2, url: 1, hostname: 50 },
    ...of,
  }
}

/** `rebuild` wants its states in batches. */
export async function* inBatches(...batches: (readonly KeyState[])[]) {
  yield* batches
}
