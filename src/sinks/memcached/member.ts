/**
 * One server of the sink: its connection, what it remembers of tipline, and what is wrong with it. A
 * fault keeps it out until the next open, and nobody else.
 */
import { SinkUnavailable } from '../../errors.js'
import { printable } from '../../log.js'
import { STALE_HEARTBEAT } from '../layout/findings.js'
import { HEARTBEAT_KEY, STATE_KEY, WATCH_KEY } from '../layout/keyspace.js'
import {
  heartbeatFrom,
  positionFrom,
  positionText,
  watchFrom,
  watchText,
} from '../layout/memory.js'
import type { Asker, Position } from '../sink.js'
import type { Address } from './address.js'
import { Node, type NodeOptions } from './client.js'
import { readServer, type Server } from './server.js'
import { unavailable } from './unavailable.js'
import { EvictionWatch } from './watch.js'
import { Writer } from './writer.js'

export interface MemberOptions extends Omit<NodeOptions, 'signal' | 'address'> {
  readonly address: Address
  /** Epoch seconds. */
  readonly clock: () => number
}

/** What is there while it is connected. */
export interface Connection {
  readonly node: Node
  readonly server: Server
  readonly watch: EvictionWatch
}

export class Member {
  readonly name: string
  readonly address: Address
  readonly #options: MemberOptions
  #connection: Connection | null = null
  #fault: SinkUnavailable | null = null
  position: Position | null = null
  /** Why it is not at the sink's position; null: it is. */
  stray: string | null = null
  /** What a sample showed that it has lost since; null: nothing. It goes on taking changes. */
  loss: string | null = null
  /** Memory that a lookup key takes here, by the last sample; null: not known. */
  bytesEach: number | null = null

  constructor(options: MemberOptions) {
    this.#options = options
    this.address = options.address
    this.name = options.address.name
  }

  /** Null while it can't be talked to. */
  get connection(): Connection | null {
    return this.#connection
  }

  /** Why it can't be talked to. */
  get fault(): SinkUnavailable {
    return this.#fault ?? unavailable(this.name, 'is not connected')
  }

  /** Leaves a fault behind where it can't be reached or is another's. @throws the signal's reason */
  async open(signal: AbortSignal, asker?: Asker): Promise<void> {
    this.close()
    await this.attempt(async () => {
      const { node, server } = await this.connect(signal)
      try {
        await this.#recall(node, server, asker)
      } catch (error) {
        node.close()
        throw error
      }
    })
  }

  async #recall(node: Node, server: Server, asker: Asker | undefined): Promise<void> {
    const now = this.#options.clock()
    const [state, heartbeat, watch] = await node.get([STATE_KEY, HEARTBEAT_KEY, WATCH_KEY])
    this.position = positionFrom(state ?? null)
    refuseForeign({ name: this.name, position: this.position, asker, now }, heartbeat ?? null)
    const before = watchFrom(watch ?? null)
    const stats = await node.stats()
    this.#connection = { node, server, watch: new EvictionWatch({ before, stats, now }) }
  }

  /** A connection of its own, that the caller closes. @throws SinkUnavailable */
  async connect(signal?: AbortSignal): Promise<{ node: Node; server: Server }> {
    const node = await Node.connect({ ...this.#options, signal })
    try {
      return { node, server: await readServer(node) }
    } catch (error) {
      node.close()
      throw error
    }
  }

  /** Does what may find the server gone; then it has a fault, and the answer is undefined. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SinkUnavailable)) throw error
      this.fail(error)
      return undefined
    }
  }

  fail(error: SinkUnavailable): void {
    this.close()
    this.#fault = error
  }

  async remember(position: Position): Promise<void> {
    await this.#writeOwn([[STATE_KEY, positionText(position)]])
    this.position = position
  }

  async beat(entries: readonly (readonly [string, string])[]): Promise<void> {
    const { node, watch } = this.#connected()
    watch.look(await node.stats(), this.#options.clock())
    await this.#writeOwn([[WATCH_KEY, watchText(watch)], ...entries])
  }

  close(): void {
    this.#connection?.node.close()
    this.#connection = null
    this.#fault = null
    this.position = null
    this.stray = null
    this.loss = null
  }

  #connected(): Connection {
    if (this.#connection) return this.#connection
    throw this.fault
  }

  async #writeOwn(entries: readonly (readonly [string, string])[]): Promise<void> {
    const { node } = this.#connected()
    const writer = new Writer<string>(node, new AbortController().signal)
    for (const [key, value] of entries) {
      while (!writer.put({ key, value, expiry: 0 }, key)) await writer.room()
    }
    const [refusal] = await writer.end()
    if (refusal) throw unavailable(node.name, `does not take ${refusal.subject}: ${refusal.reason}`)
  }
}

interface Ownership {
  readonly name: string
  readonly position: Position | null
  readonly asker: Asker | undefined
  readonly now: number
}

/**
 * A wrong name in the config must not empty another team's server: one that another ledger writes to at
 * this time, and ours never has, is left alone.
 */
function refuseForeign({ name, position, asker, now }: Ownership, beat: Buffer | null): void {
  if (!asker || asker.seq !== null || !position || position.ledger === asker.ledger) return
  const age = now - (heartbeatFrom(beat)?.at ?? Number.NEGATIVE_INFINITY)
  if (age > STALE_HEARTBEAT) return
  const what = `is written to by another ledger (${printable(position.ledger)}), last ${age} s ago; nothing was changed there`
  const hint = `check sinks.memcached.servers. If it is to become this one's: stop the other, then delete the key ${STATE_KEY} there, or wait an hour`
  throw unavailable(name, what, hint)
}
