/** Short ways to write staged rows in tests. */
import type { StagedAttribute, StagedEvent, StagedMeaning } from '../../src/ledger/staging.js'
import type { LedgerWriter } from '../../src/ledger/writer.js'

export function event(uuid: string, more: Partial<StagedEvent> = {}): StagedEvent {
  return {
    uuid,
    mispId: uuid.replace(/\D/g, '') || '0',
    timestamp: 1000,
    published: true,
    publishTimestamp: 1000,
    info: `about ${uuid}`,
    orgc: 'ORG',
    tags: [],
    threatLevel: 4,
    removalsOnly: false,
    recheck: false,
    ...more,
  }
}

export function meaning(value: string, more: Partial<StagedMeaning> = {}): StagedMeaning {
  return {
    space: 'domain',
    value,
    port: 0,
    alias: false,
    weak: false,
    heldRule: null,
    heldWhy: null,
    labels: [],
    recheckAt: null,
    ...more,
  }
}

export function attribute(
  of: string,
  uuid: string,
  value: string,
  more: Partial<StagedAttribute> = {},
): StagedAttribute {
  return {
    event: of,
    uuid,
    type: 'domain',
    value,
    timestamp: 1000,
    firstSeen: null,
    lastSeen: null,
    tags: [],
    aside: null,
    gone: null,
    meanings: [meaning(value)],
    ...more,
  }
}

export interface Pulled {
  readonly source: number
  readonly events?: readonly StagedEvent[]
  readonly attributes?: readonly StagedAttribute[]
  readonly departures?: readonly string[]
  readonly now?: number
  readonly withholdAbsent?: boolean
  readonly withholdAdded?: boolean
}

/** Stages, judges and applies, as a pull does. */
export function pullInto(writer: LedgerWriter, pulled: Pulled) {
  const { source, now = 2000 } = pulled
  writer.beginStaging()
  writer.stageEvents(pulled.events ?? [])
  writer.stageAttributes(pulled.attributes ?? [])
  writer.stageDepartures(pulled.departures ?? [])
  const judgement = writer.judge({ source })
  writer.beginApply({
    source,
    now,
    withholdAbsent: pulled.withholdAbsent ?? false,
    withholdAdded: pulled.withholdAdded ?? false,
  })
  let result = writer.applyNext()
  while (result === null) result = writer.applyNext()
  writer.discardStaging()
  return { judgement, result }
}
