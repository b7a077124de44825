/** Attributes in a ledger's staging: half of them addresses, half hashes, a hundred an event. */
import { createHash } from 'node:crypto'
import type { StagedAttribute, StagedEvent } from '../src/ledger/staging.js'
import type { LedgerWriter } from '../src/ledger/writer.js'

const ATTRIBUTES_OF_EVENT = 100

export function stage(writer: LedgerWriter, attributes: number): void {
  for (let first = 0; first < attributes; first += ATTRIBUTES_OF_EVENT * 10) {
    const events = Array.from({ length: 10 }, (_, n) => event(first / ATTRIBUTES_OF_EVENT + n))
    writer.stageEvents(events)
    writer.stageAttributes(
      Array.from({ length: ATTRIBUTES_OF_EVENT * 10 }, (_, n) =>
        attribute(events[Math.floor(n / ATTRIBUTES_OF_EVENT)]!, first + n),
      ),
    )
  }
}

function event(n: number): StagedEvent {
  return {
    uuid: uuid(`event ${n}`),
    mispId: String(n + 1),
    timestamp: 1_790_000_000 + n,
    published: true,
    publishTimestamp: 1_790_000_000 + n,
    info: `Event ${n} about something that happened`,
    orgc: 'ORGNAME',
    tags: ['tlp:green', 'kill-chain:Delivery'],
    threatLevel: 2,
    removalsOnly: false,
    recheck: false,
  }
}

function attribute(of: StagedEvent, n: number): StagedAttribute {
  const hash = createHash('sha256').update(`attribute ${n}`).digest('hex')
  const ip = n % 2 === 0
  const value = ip ? `2001:db8:${hash.slice(0, 4)}:${hash.slice(4, 8)}::${hash.slice(8, 12)}` : hash
  return {
    event: of.uuid,
    uuid: uuid(`attribute ${n}`),
    type: ip ? 'ip-dst' : 'sha256',
    value,
    timestamp: 1_790_000_000,
    firstSeen: null,
    lastSeen: null,
    tags: [],
    aside: null,
    gone: null,
    meanings: [
      {
        space: ip ? 'ip' : 'sha256',
        value,
        port: 0,
        alias: false,
        weak: false,
        heldRule: null,
        heldWhy: null,
        labels: [],
        recheckAt: ip ? 1_830_000_000 + n : null,
      },
    ],
  }
}

function uuid(seed: string): string {
  const h = createHash('md5').update(seed).digest('hex')
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20)}`
}
