/** A sink in memory that keeps the contract, and fails on demand. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SinkRejected, SinkUnavailable } from '../../src/errors.js'
import type {
  Health,
  Heartbeat,
  KeyState,
  Position,
  Sink,
  Verification,
} from '../../src/sinks/sink.js'
import { sortedPieces } from './house.js'

type Method = 'open' | 'apply' | 'remember' | 'beat' | 'rebuild'

export class MemorySink implements Sink {
  settings = 'one'
  readonly held = new Map<string, string>()
  readonly beats: Heartbeat[] = []
  /** Every call, in order. */
  readonly calls: Method[] = []
  /** Thrown by the next calls of a method. */
  readonly failures: [Method, Error][] = []
  /** Keys that it does not take. */
  refuses: (key: string) => boolean = () => false
  position: Position | null = null
  /** It takes its time over each batch of a rebuild. */
  pauseMs = 0

  constructor(readonly name: string) {}

  /** The next `times` calls of the method find the server gone. */
  goesDown(method: Method, times: number): void {
    const gone = new SinkUnavailable({ sink: this.name, what: `${this.name} is down` })
    for (let n = 0; n < times; n += 1) this.failures.push([method, gone])
  }

  async open(): Promise<Position | null> {
    this.#called('open')
    return this.position
  }

  async apply(states: readonly KeyState[]): Promise<void> {
    this.#put(states)
    this.#called('apply')
    this.#reject(states)
  }

  async remember(position: Position): Promise<void> {
    this.position = position
    this.#called('remember')
  }

  async beat(heartbeat: Heartbeat): Promise<void> {
    this.#called('beat')
    this.beats.push(heartbeat)
  }

  async rebuild(states: AsyncIterable<readonly KeyState[]>): Promise<void> {
    this.position = null
    this.held.clear()
    const all: KeyState[] = []
    for await (const batch of states) {
      await sleep(this.pauseMs)
      this.#put(batch)
      this.#called('rebuild')
      all.push(...batch)
    }
    this.#reject(all)
  }

  async verify(): Promise<Verification> {
    return { checked: 0, missing: 0, different: 0 }
  }

  async check(): Promise<Health> {
    return { ok: true, findings: [] }
  }

  async close(): Promise<void> {
    this.calls.length = 0
  }

  #put(states: readonly KeyState[]): void {
    for (const { space, value, carriers } of states) {
      const key = `${space}:${value}`
      if (carriers.length === 0) this.held.delete(key)
      else if (!this.refuses(key)) this.held.set(key, piecesOf(carriers))
    }
  }

  #reject(states: readonly KeyState[]): void {
    const items = states
      .filter(({ carriers }) => carriers.length > 0)
      .map(({ space, value }) => ({ item: `${space}:${value}`, reason: 'not to its taste' }))
      .filter(({ item }) => this.refuses(item))
    if (items.length > 0)
      throw new SinkRejected({ sink: this.name, what: 'some were refused', items })
  }

  #called(method: Method): void {
    this.calls.push(method)
    const at = this.failures.findIndex(([failing]) => failing === method)
    if (at < 0) return
    const [[, error]] = this.failures.splice(at, 1) as [[Method, Error]]
    throw error
  }
}

function piecesOf(carriers: KeyState['carriers']): string {
  return sortedPieces(carriers.map(({ eventId, type, source }) => `${eventId}#${type}#${source}`))
}
