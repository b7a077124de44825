/**
 * The ledger against a model of it: maps that are rewritten naively. After each command both must
 * hold the same live keys, and a sink that only ever follows the change log must hold them too.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openForReading } from '../../src/ledger/database.js'
import { StateReader } from '../../src/ledger/states.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { fuzz } from '../fuzz.js'
import { expectInvariants } from './invariants.js'
import { attribute, event, meaning, pullInto } from './rows.js'

interface ModelAttribute {
  readonly value: string
  readonly port: number
  readonly held: boolean
  readonly aside: boolean
}
/** source -> event -> attribute */
type ModelEvents = Map<number, Map<string, Map<string, ModelAttribute>>>

interface Model {
  readonly events: ModelEvents
  readonly holds: Map<number, string>
  now: number
  /** What a sink that follows the log holds. */
  readonly sink: Map<string, string>
  cursor: number
}

interface Real {
  readonly writer: LedgerWriter
  readonly states: StateReader
  readonly sources: readonly number[]
}

const VALUES = ['a.example', 'b.example', 'c.example', 'd.example']
const EVENTS = ['e1', 'e2', 'e3']
const ATTRIBUTES = ['a1', 'a2', 'a3', 'a4']

const attributeArbitrary = fc.record({
  uuid: fc.constantFrom(...ATTRIBUTES),
  value: fc.constantFrom(...VALUES),
  port: fc.constantFrom(0, 80, 443),
  held: fc.boolean(),
  aside: fc.boolean(),
  gone: fc.constantFrom(null, null, null, 'deleted' as const, 'to_ids' as const, 'unread' as const),
})
interface WrittenAttribute {
  readonly uuid: string
  readonly value: string
  readonly port: number
  readonly held: boolean
  readonly aside: boolean
  readonly gone: null | 'deleted' | 'to_ids' | 'unread'
}

class Pull implements fc.Command<Model, Real> {
  constructor(
    readonly source: 0 | 1,
    readonly written: readonly {
      uuid: string
      removalsOnly: boolean
      info: string
      attributes: readonly WrittenAttribute[]
    }[],
    readonly departures: readonly string[],
    readonly withholdAbsent: boolean,
    readonly withholdAdded: boolean,
  ) {}
  check(): boolean {
    return true
  }
  run(model: Model, real: Real): void {
    model.now += 10
    const source = real.sources[this.source]!
    const departures = this.departures.filter((uuid) => !this.written.some((e) => e.uuid === uuid))
    pullInto(real.writer, {
      source,
      now: model.now,
      events: this.written.map((e) =>
        event(e.uuid, { removalsOnly: e.removalsOnly, info: e.info }),
      ),
      attributes: this.written.flatMap((e) =>
        e.attributes.map((a) =>
          attribute(e.uuid, a.uuid, a.value, {
            type: a.port > 0 ? 'ip-dst|port' : 'domain',
            gone: a.gone,
            aside: a.aside && !a.gone ? 'unreadable' : null,
            timestamp: hash(a),
            meanings:
              a.gone || a.aside
                ? []
                : [
                    meaning(a.value, {
                      port: a.port,
                      space: 'ip',
                      heldRule: a.held ? 'tlp' : null,
                    }),
                  ],
          }),
        ),
      ),
      departures,
      withholdAbsent: this.withholdAbsent,
      withholdAdded: this.withholdAdded,
    })
    this.#apply(model, source, departures)
    compare(model, real)
  }
  #apply(model: Model, source: number, departures: readonly string[]): void {
    const events = model.events.get(source)!
    for (const uuid of departures) {
      const size = events.get(uuid)?.size ?? 0
      if (this.withholdAbsent && size > 0) continue
      events.delete(uuid)
    }
    for (const written of this.written) {
      const before = events.get(written.uuid) ?? new Map<string, ModelAttribute>()
      events.set(written.uuid, this.#merge(before, written))
    }
  }
  #merge(
    before: Map<string, ModelAttribute>,
    written: { removalsOnly: boolean; attributes: readonly WrittenAttribute[] },
  ): Map<string, ModelAttribute> {
    const rows = new Map(written.attributes.map((row) => [row.uuid, row]))
    const after = new Map<string, ModelAttribute>()
    for (const [uuid, known] of before) {
      const row = rows.get(uuid)
      if (!row) {
        if (this.withholdAbsent) after.set(uuid, known)
      } else if (row.gone === 'unread') after.set(uuid, known)
      else if (row.gone === null) after.set(uuid, written.removalsOnly ? known : row)
    }
    if (written.removalsOnly || this.withholdAdded) return after
    for (const [uuid, row] of rows) {
      if (!before.has(uuid) && row.gone === null) after.set(uuid, row)
    }
    return after
  }
  toString(): string {
    return `pull(${JSON.stringify(this)})`
  }
}

class Hold implements fc.Command<Model, Real> {
  constructor(readonly value: string) {}
  check(): boolean {
    return true
  }
  run(model: Model, real: Real): void {
    const { hold } = real.writer.addHold({
      hold: {
        target: this.value,
        targets: [{ space: 'ip', value: this.value, port: 0 }],
        event: null,
        author: 'test',
        why: 'test',
        until: null,
      },
      now: model.now,
    })
    model.holds.set(hold.id, this.value)
    compare(model, real)
  }
  toString(): string {
    return `hold(${this.value})`
  }
}

class Release implements fc.Command<Model, Real> {
  constructor(readonly pick: number) {}
  check(model: Readonly<Model>): boolean {
    return model.holds.size > 0
  }
  run(model: Model, real: Real): void {
    const ids = [...model.holds.keys()]
    const id = ids[this.pick % ids.length]!
    real.writer.endHolds({ ids: [id], by: 'test', now: model.now })
    model.holds.delete(id)
    compare(model, real)
  }
  toString(): string {
    return `release(${this.pick})`
  }
}

class Follow implements fc.Command<Model, Real> {
  check(): boolean {
    return true
  }
  run(model: Model, real: Real): void {
    for (;;) {
      const batch = real.states.touchedAfter(model.cursor, 3)
      if (!batch) break
      for (const state of batch.states) {
        if (state.carriers.length === 0) model.sink.delete(state.value)
        else model.sink.set(state.value, portsOf(state.carriers))
      }
      model.cursor = batch.seq
    }
    expect(Object.fromEntries(model.sink)).toEqual(Object.fromEntries(liveOf(model)))
    real.writer.moveCursor({ sink: 's', seq: model.cursor, settings: '', at: model.now })
    real.writer.prune({ sinks: ['s'], historyBefore: 0 })
  }
  toString(): string {
    return 'follow'
  }
}

function compare(model: Model, real: Real): void {
  const live = new Map<string, string>()
  for (const batch of real.states.everything(2)) {
    for (const state of batch.states) live.set(state.value, portsOf(state.carriers))
  }
  expect(Object.fromEntries(live)).toEqual(Object.fromEntries(liveOf(model)))
}

/** value -> "event/attribute/port" of each carrier; the same attribute of two sources counts once. */
function liveOf(model: Model): Map<string, string> {
  const held = new Set(model.holds.values())
  const carriers = new Map<string, Set<string>>()
  for (const events of model.events.values()) {
    for (const [eventUuid, attributes] of events) {
      for (const [uuid, { value, port, held: byPolicy, aside }] of attributes) {
        if (aside || byPolicy || held.has(value)) continue
        const of = carriers.get(value) ?? new Set()
        carriers.set(value, of.add(`${eventUuid}/${uuid}/${port}`))
      }
    }
  }
  return new Map([...carriers].map(([value, of]) => [value, [...of].sort().join(' ')]))
}

function portsOf(
  carriers: readonly { eventUuid: string; attributeUuid: string; port: number }[],
): string {
  return carriers
    .map((c) => `${c.eventUuid}/${c.attributeUuid}/${c.port}`)
    .sort()
    .join(' ')
}

function hash(a: WrittenAttribute): number {
  return VALUES.indexOf(a.value) * 1000 + a.port * 4 + Number(a.held) * 2 + Number(a.aside)
}

const commands = fc.commands(
  [
    fc
      .tuple(
        fc.constantFrom(0 as const, 1 as const),
        fc.uniqueArray(
          fc.record({
            uuid: fc.constantFrom(...EVENTS),
            removalsOnly: fc.boolean(),
            info: fc.constantFrom('x', 'y'),
            attributes: fc.uniqueArray(attributeArbitrary, { selector: (a) => a.uuid }),
          }),
          { selector: (e) => e.uuid },
        ),
        fc.uniqueArray(fc.constantFrom(...EVENTS), { maxLength: 2 }),
        fc.boolean(),
        fc.boolean(),
      )
      .map((args) => new Pull(...args)),
    fc.constantFrom(...VALUES).map((value) => new Hold(value)),
    fc.nat(5).map((pick) => new Release(pick)),
    fc.constant(new Follow()),
  ],
  { maxCommands: 25 },
)

describe('the ledger against its model', () => {
  it('holds the same live keys after any history, and so does a sink that follows its log', () => {
    fc.assert(
      fc.property(commands, (list) => {
        const folder = mkdtempSync(join(tmpdir(), 'tipline-model-'))
        const writer = new LedgerWriter(folder)
        const db = openForReading(folder)
        const states = new StateReader(db)
        try {
          const sources = writer.registerSources(['first', 'second']).map(({ id }) => id)
          const setup = () => ({
            model: {
              events: new Map(sources.map((id) => [id, new Map()])) as ModelEvents,
              holds: new Map(),
              now: 1000,
              sink: new Map(),
              cursor: 0,
            },
            real: { writer, states, sources },
          })
          fc.modelRun(setup, list)
          expectInvariants(db, { steady: true })
        } finally {
          states.close()
          writer.close()
          rmSync(folder, { recursive: true, force: true })
        }
      }),
      fuzz(1000),
    )
  }, 300_000)
})
