/** Keys one by one, as matching reads them, against the reader that fills the sinks. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openForReading } from '../../src/ledger/database.js'
import { ServedStates } from '../../src/ledger/served-states.js'
import { StateReader } from '../../src/ledger/states.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { storable } from '../../src/text.js'
import { fuzz } from '../fuzz.js'
import { attribute, event, meaning, pullInto } from './rows.js'

const SOURCES = ['first', 'second', 'third']
const EVENTS = ['e1', 'e2', 'e3']
const SPACES = ['ip', 'domain', 'url']

/** What SQL, JSON or a cut at the first NUL would stumble over, as it comes to the ledger. */
const text = fc
  .string({
    unit: fc.constantFrom(...'aB %_\'"\\[]{},:\n\u0000\ud83d\ude00\u2028é😀'.split('')),
    maxLength: 8,
  })
  .map(storable)
const time = fc.integer({ min: 0, max: 4 })

/** Values are picked by their place among those of the run, so that keys meet and spaces share them. */
const pick = fc.nat({ max: 2 })

/** Mostly the same one, so that it has many carriers. */
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ space: 'ip', pick: 0 }) },
  { weight: 2, arbitrary: fc.record({ space: fc.constantFrom(...SPACES), pick }) },
)

const written = fc.record({
  /** Each event has its own attributes; several sources may have the same. */
  id: fc.nat({ max: 14 }),
  key,
  port: fc.constantFrom(0, 0, 443),
  type: text,
  heldRule: fc.constantFrom(null, null, null, 'tlp'),
  gone: fc.constantFrom(null, null, null, 'deleted' as const),
  tags: fc.array(text, { maxLength: 2 }),
  timestamp: time,
  firstSeen: fc.option(time),
  lastSeen: fc.option(time),
})

const pull = fc.record({
  do: fc.constant('pull' as const),
  source: fc.nat({ max: SOURCES.length - 1 }),
  uuid: fc.constantFrom(...EVENTS),
  mispId: text,
  info: text,
  tags: fc.array(text, { maxLength: 2 }),
  threatLevel: fc.integer({ min: 1, max: 4 }),
  attributes: fc.uniqueArray(written, { maxLength: 15, selector: ({ id }) => id, size: 'max' }),
})

const step = fc.oneof(
  { weight: 5, arbitrary: pull },
  fc.record({
    do: fc.constant('depart' as const),
    source: fc.nat({ max: SOURCES.length - 1 }),
    uuid: fc.constantFrom(...EVENTS),
  }),
  fc.record({
    do: fc.constant('hold' as const),
    key,
    port: fc.constantFrom(0, 443),
  }),
  fc.record({ do: fc.constant('release' as const) }),
  // Their order decides which one tells what several have; those that are left out count last.
  fc.record({ do: fc.constant('order' as const), names: fc.shuffledSubarray(SOURCES) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

class House {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tipline-served-'))
  readonly #writer = new LedgerWriter(this.#folder)
  readonly #sources = this.#writer.registerSources(SOURCES).map(({ id }) => id)
  readonly #db = openForReading(this.#folder)
  readonly served = new ServedStates(this.#db)
  readonly reader = new StateReader(this.#db)
  readonly #values: readonly string[]
  readonly #holds: number[] = []
  #now = 1000

  constructor(values: readonly string[]) {
    this.#values = values
  }

  take(step: Step): void {
    this.#now += 10
    if (step.do === 'pull') this.#pull(step)
    else if (step.do === 'depart') this.#depart(step)
    else if (step.do === 'hold') this.#hold(step)
    else if (step.do === 'order') this.#writer.registerSources(step.names)
    else this.#writer.endHolds({ ids: this.#holds.splice(0, 1), by: 'test', now: this.#now })
  }

  #pull({ source, attributes, do: _, ...of }: Extract<Step, { do: 'pull' }>): void {
    pullInto(this.#writer, {
      source: this.#sources[source]!,
      now: this.#now,
      events: [event(of.uuid, { ...of, timestamp: this.#now })],
      attributes: attributes.map(({ id, key: { space, pick }, port, heldRule, ...row }) => {
        const value = this.#values[pick]!
        const meanings = row.gone ? [] : [meaning(value, { space, port, heldRule })]
        return attribute(of.uuid, `${of.uuid}-${id}`, value, { ...row, meanings })
      }),
    })
  }

  #depart({ source, uuid }: Extract<Step, { do: 'depart' }>): void {
    const departures = [uuid]
    pullInto(this.#writer, { source: this.#sources[source]!, now: this.#now, departures })
  }

  #hold({ key: { space, pick }, port }: Extract<Step, { do: 'hold' }>): void {
    const value = this.#values[pick]!
    const targets = [{ space, value, port }]
    const about = { target: value, event: null, author: 'test', why: 'test', until: null }
    const { hold } = this.#writer.addHold({ hold: { ...about, targets }, now: this.#now })
    this.#holds.push(hold.id)
  }

  /** Whatever a key may be, and one that never is. */
  keys(): { space: string; value: string }[] {
    return [...this.#values, 'none'].flatMap((value) => SPACES.map((space) => ({ space, value })))
  }

  close(): void {
    this.reader.close()
    this.#writer.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

describe('the served states of single keys', () => {
  it('are those that sinks are filled with, after any history and whatever the texts', () => {
    const values = fc.uniqueArray(text, { minLength: 3, maxLength: 3 })
    const sizes = new Set<number>()
    fc.assert(
      fc.property(values, fc.array(step, { minLength: 1, maxLength: 12 }), (values, steps) => {
        const house = new House(values)
        try {
          for (const step of steps) {
            house.take(step)
            for (const { space, value } of house.keys()) {
              const state = house.served.of(space, value)
              expect([state]).toEqual(house.reader.of([{ space, value }]))
              sizes.add(state.carriers.length)
            }
          }
        } finally {
          house.close()
        }
      }),
      fuzz(1000),
    )
    // Else the comparison would say little.
    expect([...sizes].sort((a, b) => a - b)).toEqual(expect.arrayContaining([0, 1, 2, 5, 9, 12]))
  }, 300_000)
})
