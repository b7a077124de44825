/** What of the ledger is compared with a sink, when most of what it knows is not live any more. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openForReading } from '../../src/ledger/database.js'
import { StateReader } from '../../src/ledger/states.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { attribute, event, meaning, pullInto } from './rows.js'

let folder: string
let writer: LedgerWriter
let reader: StateReader
let main: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-sampling-'))
  writer = new LedgerWriter(folder)
  reader = new StateReader(openForReading(folder))
  main = writer.registerSources(['main'])[0]!.id
})
afterEach(() => {
  reader.close()
  writer.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Values `<of>-0.example`, `<of>-1.example` and so on. */
function add(of: string, count: number, heldRule: string | null = null): void {
  const values = Array.from({ length: count }, (_, n) => `${of}-${n}.example`)
  const attributes = values.map((value) =>
    attribute(of, value, value, { meanings: [meaning(value, { heldRule })] }),
  )
  pullInto(writer, { source: main, events: [event(of)], attributes })
}

describe('a sample', () => {
  it('is spread over what is live, whatever was live between', () => {
    add('old', 50)
    add('passed', 3000)
    add('new', 50)
    pullInto(writer, { source: main, departures: ['passed'] })
    add('newest', 50)
    const values = reader.sample(100).map(({ value }) => value)
    expect(new Set(values).size).toBe(values.length)
    const of = (event: string) => values.filter((value) => value.startsWith(`${event}-`)).length
    expect(of('passed')).toBe(0)
    for (const event of ['old', 'new', 'newest']) expect(of(event)).toBeGreaterThan(15)
  })

  it('is of what is served, though most is held', () => {
    add('held', 3000, 'age')
    add('live', 20)
    add('held too', 3000, 'age')
    const states = reader.sample(500)
    expect(states.length).toBeGreaterThan(15)
    for (const { carriers } of states) expect(carriers).toHaveLength(1)
  })

  it('is of nothing, where nothing is live', () => {
    expect(reader.sample(10)).toEqual([])
    add('held', 10, 'age')
    expect(reader.sample(10)).toEqual([])
  })
})
