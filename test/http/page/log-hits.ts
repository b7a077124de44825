/** Hits of log lines, one a line, as `tipline enrich --record` writes them. */
import { createHash } from 'node:crypto'
import type { Hit } from '../../../src/hits/hit.js'
import { type LineHits, recordLines } from '../../../src/hits/record.js'
import type { Database } from '../../../src/ledger/sqlite.js'

export interface LogHit extends Pick<Hit, 'observable' | 'field' | 'indicator' | 'label'> {
  /** Epoch milliseconds. */
  readonly at: number
  /** Beside it in the line. */
  readonly client: string
  readonly attribute: Hit['attribute']
  readonly event: Omit<Hit['event'], 'link'>
}

export function writeLogHits(db: Database, hits: readonly LogHit[]): void {
  const now = Date.now()
  for (const hit of hits) recordLines(db, [lineOf(hit)], { now, way: 'enrich', label: hit.label })
}

function lineOf(hit: LogHit): LineHits {
  const { at, observable, client, field, indicator, attribute, event } = hit
  return {
    digest: createHash('sha256').update(JSON.stringify(hit)).digest('hex').slice(0, 32),
    at,
    observed: [
      ['source.ip', client],
      [field, observable],
    ],
    met: [
      {
        field,
        observable,
        kind: indicator.kind,
        value: indicator.value,
        uuid: attribute.uuid,
        type: attribute.type,
        eventId: event.id,
        eventUuid: event.uuid,
        eventInfo: event.info,
        source: event.source,
        tlp: 'green',
      },
    ],
  }
}
