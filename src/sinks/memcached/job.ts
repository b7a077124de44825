/**
 * One piece of work on several servers at once: a lane for each, with its writer. A server that fails
 * falls out, the others go on; what failed last is thrown when none is left.
 */
import { SinkUnavailable } from '../../errors.js'
import { lookupKeys } from '../../indicators/keys.js'
import type { Content } from '../layout/contents.js'
import type { KeyState } from '../sink.js'
import type { Node } from './client.js'
import type { Member } from './member.js'
import type { Placement } from './placement.js'
import { type Command, expiry } from './protocol.js'
import { type Refusal, Writer } from './writer.js'

export interface Lane {
  readonly member: Member
  readonly node: Node
  readonly writer: Writer<KeyState>
}

interface Late {
  readonly lane: Lane
  readonly command: Command
  readonly state: KeyState
}

export interface JobOptions {
  readonly members: readonly Member[]
  /** Those that take part, and are connected. */
  readonly taking: ReadonlySet<Member>
  readonly placement: Placement
  /** A key is also taken away where it does not belong. */
  readonly everywhere: boolean
  /** Epoch seconds. */
  readonly clock: () => number
  readonly signal: AbortSignal
}

export class Job {
  readonly signal: AbortSignal
  readonly #placement: Placement
  readonly #everywhere: boolean
  readonly #clock: () => number
  /** By the place of the member; null: it takes no part. */
  readonly #lanes: (Lane | null)[]
  /** States without any key that memcached could hold. */
  readonly keyless: KeyState[] = []
  written = 0
  removed = 0
  cut = 0

  constructor({ members, taking, placement, everywhere, clock, signal }: JobOptions) {
    this.#everywhere = everywhere
    this.#clock = clock
    this.signal = signal
    this.#placement = placement
    this.#lanes = members.map((member) => {
      const node = taking.has(member) && member.connection?.node
      return node ? { member, node, writer: new Writer<KeyState>(node, signal) } : null
    })
  }

  /** Without a promise where there is room, as there mostly is: there are millions of keys. */
  put(state: KeyState, { value, seconds, cut }: Content): Promise<void> | null {
    const expires = value === null ? 0 : expiry(seconds, this.#clock())
    const keys = lookupKeys(state.space, state.value)
    if (value === null) this.removed++
    else if (keys.length === 0) this.keyless.push(state)
    else this.written++
    if (cut) this.cut++
    const late: Late[] = []
    for (const key of keys) {
      const homes = this.#placement(key)
      for (const at of homes) this.#putOne(at, { key, value, expiry: expires }, { state, late })
      if (this.#everywhere) this.#takeAwayElsewhere(key, homes, { state, late })
    }
    return late.length === 0 ? null : this.#putLate(late)
  }

  #putOne(at: number, command: Command, { state, late }: { state: KeyState; late: Late[] }): void {
    const lane = this.#lanes[at]
    if (lane && !lane.writer.put(command, state)) late.push({ lane, command, state })
  }

  #takeAwayElsewhere(
    key: string,
    homes: readonly number[],
    subject: { state: KeyState; late: Late[] },
  ): void {
    for (const at of this.#lanes.keys()) {
      if (!homes.includes(at)) this.#putOne(at, { key, value: null, expiry: 0 }, subject)
    }
  }

  /** One after the other: a writer waits for its server once at a time. */
  async #putLate(late: readonly Late[]): Promise<void> {
    for (const { lane, command, state } of late) {
      if (!this.#lanes.includes(lane)) continue
      await this.on(lane, async () => {
        do await lane.writer.room()
        while (!lane.writer.put(command, state))
      })
    }
  }

  /** Does something on every lane at once; the answers of those that did not fail. @throws like `on` */
  async each<T>(work: (lane: Lane) => Promise<T>): Promise<T[]> {
    const lanes = this.#lanes.filter((lane) => lane !== null)
    const ends = await Promise.allSettled(lanes.map((lane) => this.on(lane, () => work(lane))))
    const answers: T[] = []
    for (const end of ends) {
      if (end.status === 'rejected') throw end.reason
      if (end.value) answers.push(end.value.answer)
    }
    return answers
  }

  /** @throws SinkUnavailable when the last lane fell out, and whatever else goes wrong */
  async on<T>(lane: Lane, work: () => Promise<T>): Promise<{ answer: T } | null> {
    try {
      return { answer: await work() }
    } catch (error) {
      if (!(error instanceof SinkUnavailable)) throw error
      this.#lanes[this.#lanes.indexOf(lane)] = null
      lane.member.fail(error)
      if (this.#lanes.every((other) => other === null)) throw error
      return null
    }
  }

  /**
   * Waits for all answers; what was refused, each state once. A server that had nothing to do is asked
   * too: where all are gone, it must not look as if one were left.
   */
  async end(): Promise<readonly Refusal<KeyState>[]> {
    const refusals = await this.each(async ({ node, writer }) => {
      const [refused] = await Promise.all([writer.end(), node.answers()])
      return refused
    })
    return [...new Map(refusals.flat().map((refusal) => [refusal.subject, refusal])).values()]
  }
}
