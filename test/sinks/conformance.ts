/**
 * What every sink has to do, on its real server. A new sink calls this from its own test file and
 * passes it whole.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SinkRejected, SinkUnavailable } from '../../src/errors.js'
import type { Space } from '../../src/indicators/indicator.js'
import type { KeyState, Position, Sink } from '../../src/sinks/sink.js'
import { POISONS } from './poisons.js'
import { carrier, heartbeat, inBatches, ipState, ipStates, NOW, POSITION } from './states.js'

/** A running server and how to look into it without the sink. */
export interface SinkServer {
  /** A new sink on this server, not yet open; its clock stands at NOW. */
  sink(): Sink | Promise<Sink>
  /** All that stands under a lookup key, as text; null: nothing. */
  read(space: Space, value: string): Promise<string | null>
  /** Empties it without a word to the sink. */
  reset(): Promise<void>
  /** Writes something that is not tipline's, and tells whether it is still there. */
  foreign: { write(): Promise<void>; isThere(): Promise<boolean> }
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export interface Conformance {
  readonly name: string
  /** Without its server the suite is skipped. */
  readonly available: boolean
  /** Whether it still holds everything when it comes back after a kill. */
  readonly durable?: boolean
  start(): Promise<SinkServer>
}

const ADDRESS = '198.51.100.7'
const OTHER = '198.51.100.8'

export function sinkConformance({ name, available, durable, start }: Conformance): void {
  describe.skipIf(!available)(`${name} as a sink`, () => {
    let server: SinkServer
    let sink: Sink
    const signal = new AbortController().signal

    beforeAll(async () => {
      server = await start()
    })
    afterAll(async () => {
      await sink?.close()
      await server?.close()
    })
    beforeEach(async () => {
      await sink?.close()
      await server.reset()
      sink = await server.sink()
      await sink.open(signal)
    })

    const read = (value: string) => server.read('ip', value)

    describe('apply', () => {
      it('adds, changes and takes away', async () => {
        await sink.apply([ipState(ADDRESS), ipState(OTHER)], signal)
        const before = await read(ADDRESS)
        expect(before).not.toBeNull()
        await sink.apply([ipState(ADDRESS, ['1', '2']), ipState(OTHER, [])], signal)
        expect(await read(ADDRESS)).not.toBe(before)
        expect(await read(OTHER)).toBeNull()
      })

      it('does no harm when it is repeated', async () => {
        const states = [ipState(ADDRESS, ['1', '2']), ipState(OTHER, [])]
        await sink.apply(states, signal)
        const before = await read(ADDRESS)
        await sink.apply(states, signal)
        expect(await read(ADDRESS)).toBe(before)
        expect(await read(OTHER)).toBeNull()
      })

      it('takes an empty batch', async () => {
        await sink.apply([], signal)
        expect(await read(ADDRESS)).toBeNull()
      })

      it('takes 50,000 keys at once', async () => {
        const states = ipStates(50_000)
        await sink.apply(states, signal)
        expect(await sink.verify(states)).toEqual({ checked: 50_000, missing: 0, different: 0 })
        await sink.apply(ipStates(50_000, []), signal)
        expect(await sink.verify(states)).toEqual({
          checked: 50_000,
          missing: 50_000,
          different: 0,
        })
      })

      it('leaves all as it is when it is told to stop before it began', async () => {
        const stop = new AbortController()
        stop.abort(new Error('stopped'))
        await expect(sink.apply([ipState(ADDRESS)], stop.signal)).rejects.toThrow('stopped')
        expect(await read(ADDRESS)).toBeNull()
      })

      it('stops when it is told to, and can go on afterwards', async () => {
        const stop = new AbortController()
        const work = sink.apply(ipStates(50_000), stop.signal)
        stop.abort(new Error('stopped'))
        await expect(work).rejects.toThrow('stopped')
        await sink.apply([ipState(ADDRESS)], signal)
        expect(await sink.verify([ipState(ADDRESS)])).toMatchObject({ missing: 0, different: 0 })
      })
    })

    describe('position', () => {
      it('has none when it is new', async () => {
        expect(await sink.open(signal)).toBeNull()
      })

      it('is remembered for whoever opens next', async () => {
        await sink.remember(POSITION)
        await sink.close()
        sink = await server.sink()
        expect(await sink.open(signal)).toEqual(POSITION)
        const later: Position = { ...POSITION, seq: 43 }
        await sink.remember(later)
        expect(await sink.open(signal)).toEqual(later)
      })

      it('goes when somebody empties the server', async () => {
        await sink.remember(POSITION)
        await server.reset()
        expect(await sink.open(signal)).toBeNull()
      })
    })

    describe('rebuild', () => {
      it('leaves exactly the states it is given, and what is not ours', async () => {
        await sink.apply(
          [ipState(ADDRESS, ['1']), ipState('192.0.2.1'), ipState('192.0.2.2')],
          signal,
        )
        await server.foreign.write()
        const states = [[ipState(ADDRESS, ['2'])], [ipState(OTHER)]]
        await sink.rebuild(inBatches(...states), signal)
        expect(await sink.verify(states.flat())).toEqual({ checked: 2, missing: 0, different: 0 })
        expect(await read('192.0.2.1')).toBeNull()
        expect(await read('192.0.2.2')).toBeNull()
        expect(await server.foreign.isThere()).toBe(true)
      })

      it.each([
        ['no batch', []],
        ['an empty batch', [[]]],
      ])('takes nothing away with %s', async (_, batches: KeyState[][]) => {
        await sink.apply([ipState(ADDRESS)], signal)
        await sink.rebuild(inBatches(...batches), signal)
        expect(await read(ADDRESS)).not.toBeNull()
      })

      it('keeps the last state of a key that comes again', async () => {
        const states = ipStates(8000, ['1'])
        const again = states.slice(0, 100).map(({ value }) => ipState(value, ['2', '3']))
        await sink.rebuild(inBatches(states, again, [ipState(OTHER)], [ipState(OTHER, [])]), signal)
        const wanted = [...again, ...states.slice(100), ipState(OTHER, [])]
        expect(await sink.verify(wanted)).toEqual({ checked: 8001, missing: 0, different: 0 })
      })

      it('has no position until it is given one', async () => {
        await sink.remember(POSITION)
        await sink.rebuild(inBatches([ipState(ADDRESS)]), signal)
        expect(await sink.open(signal)).toBeNull()
        await sink.remember(POSITION)
        expect(await sink.open(signal)).toEqual(POSITION)
      })

      it('passes on what its states fail with, and has no position then', async () => {
        await sink.remember(POSITION)
        async function* broken() {
          yield [ipState(ADDRESS)]
          throw new Error('the ledger is gone')
        }
        await expect(sink.rebuild(broken(), signal)).rejects.toThrow('the ledger is gone')
        expect(await sink.open(signal)).toBeNull()
      })
    })

    describe('verify', () => {
      it('sees what is missing, what differs and what is too much', async () => {
        await sink.apply([ipState(ADDRESS, ['1']), ipState(OTHER)], signal)
        const states = [ipState(ADDRESS, ['1', '2']), ipState(OTHER, []), ipState('192.0.2.1')]
        expect(await sink.verify(states)).toEqual({ checked: 3, missing: 1, different: 2 })
        expect(await sink.verify([ipState('192.0.2.9', [])])).toEqual({
          checked: 1,
          missing: 0,
          different: 0,
        })
      })
    })

    describe('hostile values', () => {
      it('are stored under their own key, or refused by name, and never carried out', async () => {
        await sink.apply([ipState(ADDRESS)], signal)
        await server.foreign.write()
        const poisoned = POISONS.map((value) => ({
          space: 'filename',
          value,
          carriers: [carrier({ eventInfo: value, type: 'filename', tags: [value] })],
        }))
        const refused = await refusedBy(sink.apply(poisoned, signal))
        const names = new Set(poisoned.map(({ space, value }) => `${space}:${value}`))
        expect(refused.filter((item) => !names.has(item))).toEqual([])
        const kept = poisoned.filter(({ space, value }) => !refused.includes(`${space}:${value}`))
        expect(await sink.verify(kept)).toEqual({ checked: kept.length, missing: 0, different: 0 })
        expect(await read(ADDRESS)).not.toBeNull()
        expect(await server.foreign.isThere()).toBe(true)
      })
    })

    describe('a server that fails', () => {
      it('is told of as such, and needs a new open when it is back', async () => {
        await sink.apply([ipState(ADDRESS)], signal)
        await sink.remember(POSITION)
        await server.kill()
        await expect(sink.apply([ipState(OTHER)], signal)).rejects.toThrow(SinkUnavailable)
        await expect(sink.open(signal)).rejects.toThrow(SinkUnavailable)
        await server.restart()
        await expect(sink.beat(heartbeat())).rejects.toThrow(SinkUnavailable)
        expect(await sink.open(signal)).toEqual(durable ? POSITION : null)
        await sink.apply([ipState(OTHER)], signal)
        expect(await read(OTHER)).not.toBeNull()
      })

      it('is noticed in the middle of a batch', async () => {
        async function* states() {
          yield ipStates(20_000)
          await server.kill()
          yield ipStates(20_000)
        }
        await expect(sink.rebuild(states(), signal)).rejects.toThrow(SinkUnavailable)
        await server.restart()
      })
    })

    describe('check', () => {
      it('finds a server well that is fresh and ours', async () => {
        await sink.remember({ ...POSITION, settings: sink.settings })
        await sink.beat(heartbeat({ at: NOW - 10 }))
        const health = await sink.check(POSITION.ledger)
        expect(health.findings.filter(({ level }) => level !== 'ok')).toEqual([])
        expect(health.ok).toBe(true)
      })

      it('finds another ledger in it', async () => {
        await sink.remember({ ...POSITION, settings: sink.settings })
        expect((await sink.check('ledger-b')).ok).toBe(false)
      })

      it('tells of a server that is gone, and does not throw', async () => {
        await server.kill()
        const health = await (await server.sink()).check()
        await server.restart()
        expect(health.ok).toBe(false)
        expect(health.findings[0]?.hint).toBeTruthy()
      })
    })

    it('can be closed twice, unopened, and then opened again', async () => {
      const fresh = await server.sink()
      await fresh.close()
      await fresh.close()
      await fresh.open(signal)
      await fresh.apply([ipState(ADDRESS)], signal)
      await fresh.close()
      await fresh.close()
      expect(await read(ADDRESS)).not.toBeNull()
      await expect(fresh.apply([ipState(ADDRESS)], signal)).rejects.toThrow(SinkUnavailable)
    })
  })
}

async function refusedBy(work: Promise<void>): Promise<string[]> {
  try {
    await work
    return []
  } catch (error) {
    if (error instanceof SinkRejected) return error.items.map(({ item }) => item)
    throw error
  }
}
