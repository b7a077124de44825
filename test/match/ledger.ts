/** A ledger with these attributes in it, each normalised as it is in a pull. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { normalise } from '../../src/indicators/normalise.js'
import { openForReading } from '../../src/ledger/database.js'
import type { Database } from '../../src/ledger/sqlite.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { attribute, event, meaning, pullInto } from '../ledger/rows.js'

export interface Given {
  readonly type: string
  readonly value: string
  /** The rule that holds it. */
  readonly held?: string
}

export class KnownLedger {
  readonly folder = mkdtempSync(join(tmpdir(), 'tipline-match-'))
  readonly writer = new LedgerWriter(this.folder)
  readonly db: Database
  readonly #source: number

  constructor() {
    this.#source = this.writer.registerSources(['main'])[0]!.id
    this.db = openForReading(this.folder)
  }

  /** One event with exactly these attributes; what it had before is gone. */
  pull(name: string, given: readonly Given[], now = 2000): void {
    pullValues(this.writer, { source: this.#source, name, given, now })
  }

  /** Words that come to nothing: a pull that is not applied. */
  stage(given: readonly Given[]): void {
    this.writer.beginStaging()
    this.writer.stageEvents([event('never applied')])
    this.writer.stageAttributes(given.map((each) => staged('never applied', each)))
    this.writer.discardStaging()
  }

  close(): void {
    this.db.close()
    this.writer.close()
    rmSync(this.folder, { recursive: true })
  }
}

interface Pulled {
  readonly source: number
  readonly name: string
  readonly given: readonly Given[]
  readonly now: number
}

export function pullValues(writer: LedgerWriter, { source, name, given, now }: Pulled): void {
  pullInto(writer, {
    source,
    now,
    events: [event(name, { timestamp: now })],
    attributes: given.map((each) => staged(name, each)),
  })
}

function staged(of: string, { type, value, held }: Given) {
  const normal = normalise(type, value)
  const heldRule = held ?? null
  const heldWhy = held === undefined ? null : `is held by ${held}`
  return attribute(of, `${type}:${value}`, value, {
    type,
    aside: normal.ok ? null : normal.reason,
    meanings: normal.ok
      ? normal.meanings.map((each) => meaning(each.value, { ...each, heldRule, heldWhy }))
      : [],
  })
}
