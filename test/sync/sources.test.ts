/** Several sources: each for itself, and the same event through two of them once. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SyncReport } from '../../src/sync/sync.js'
import { type Standin, startStandin } from '../misp/standin.js'
import { Store } from '../misp/store.js'
import { House, mispSettings } from './house.js'
import { MemorySink } from './memory-sink.js'
import { DAY, domains, NOW } from './rig.js'

let first: Standin
let second: Standin
let sink: MemorySink
let house: House

beforeEach(async () => {
  first = await startStandin({ store: () => new Store({ now: NOW, seed: 1 }) })
  second = await startStandin({ store: () => new Store({ now: NOW, seed: 2 }) })
  sink = new MemorySink('memory')
  house = new House({
    sources: [of(first, 'first'), of(second, 'second')],
    sinks: [sink],
    clock: () => NOW,
    guard: { revoke_min: 0 },
    attempts: 2,
  })
})
afterEach(async () => {
  await house.close()
  await first.close()
  await second.close()
})

function of(misp: Standin, name: string) {
  return mispSettings(misp.url, misp.keys.readonly, { name })
}

function add(misp: Standin, prefix: string, uuid?: string): void {
  const attributes = domains(2, prefix).map((row, n) => ({
    ...row,
    timestamp: NOW - DAY,
    ...(uuid && { uuid: `${uuid.slice(0, -1)}${n + 1}` }),
  }))
  misp.store.addEvent({ timestamp: NOW - DAY, attributes, ...(uuid && { uuid }) })
}

const SHARED = '18f2bcb2-0d6c-4b52-9e8f-5cd0e8712a60'
const keys = () => [...sink.held.keys()].map((key) => key.replace('domain:', '')).sort()

function states({ sources }: SyncReport): unknown[] {
  return sources.map((source) =>
    source.ok ? source.withheld.map(({ kind }) => kind) : source.error.fault,
  )
}

describe('a source that fails', () => {
  it('holds up no other, and what it brought stays', async () => {
    add(first, 'a')
    add(second, 'b')
    await house.sync()
    for (const [failing, other, prefix] of [
      [first, second, 'c'],
      [second, first, 'd'],
    ] as const) {
      failing.faults.always({ kind: 'forbidden' })
      add(other, prefix)
      const report = await house.sync()
      expect(report.status).toBe(3)
      expect(keys()).toContain(`${prefix}0.example.com`)
      failing.faults.clear()
    }
    expect(keys()).toHaveLength(8)
    expect((await house.sync()).status).toBe(0)
  })

  it('counts less than one that is frozen', async () => {
    add(first, 'a')
    add(second, 'b')
    await house.sync()
    first.faults.always({ kind: 'error-500' })
    second.store.deleteEvent(1)
    const report = await house.sync()
    expect(report.status).toBe(4)
    expect(states(report)).toEqual(['server-error', ['revocations']])
    expect(keys()).toHaveLength(4)
  })

  it('shows in the heartbeat', async () => {
    first.faults.always({ kind: 'forbidden' })
    add(second, 'b')
    await house.sync()
    expect(sink.beats.at(-1)?.sources).toEqual([
      { name: 'first', lastGoodSync: null },
      { name: 'second', lastGoodSync: NOW },
    ])
  })
})

describe('the same event through two sources', () => {
  const told = () => sink.held.get('domain:x0.example.com')

  it('is told as the first has it, and stays while one has it', async () => {
    add(first, 'x', SHARED)
    add(second, 'y')
    add(second, 'x', SHARED)
    await house.sync()
    expect(told()).toBe('1#domain#first')
    house.configure({ guard: {} })
    first.store.deleteEvent(1)
    await house.sync()
    expect(told()).toBe('2#domain#second')
    second.store.deleteEvent(2)
    await house.sync()
    expect(told()).toBe(undefined)
    expect(keys()).toHaveLength(2)
  })

  it('is told by another when the config puts them in another order', async () => {
    add(first, 'x', SHARED)
    add(second, 'x', SHARED)
    await house.sync()
    expect(told()).toBe('1#domain#first')
    house.configure({ sources: [of(second, 'second'), of(first, 'first')] })
    await house.sync()
    expect(told()).toBe('1#domain#second')
    sink.calls.length = 0
    await house.sync()
    expect(sink.calls).toEqual(['open', 'beat'])
  })

  it('is told by the one that is left in the config; the other stays until it is forgotten', async () => {
    add(first, 'x', SHARED)
    add(first, 'a')
    add(second, 'x', SHARED)
    await house.sync()
    house.configure({ sources: [of(second, 'second')] })
    await house.sync()
    expect(told()).toBe('1#domain#second')
    expect(keys()).toHaveLength(4)
    const { writer } = await house.ledger()
    await writer.forgetSource({ source: 1, now: NOW })
    await house.sync()
    expect(keys()).toEqual(['x0.example.com', 'x1.example.com'])
  })
})
