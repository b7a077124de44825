/**
 * The memcached sink: the keys under which an indicator is looked up, on one server or on several. Each
 * server remembers its own position and is repaired for itself; one that is down holds up no other.
 */
import { SinkRejected, SinkUnavailable } from '../../errors.js'
import { beatEntries } from '../layout/beat.js'
import { type ContentsOptions, contentsOf } from '../layout/contents.js'
import { fingerprint } from '../layout/fingerprint.js'
import { STATE_KEY } from '../layout/keyspace.js'
import { expiresOf } from '../layout/settings.js'
import { rejected } from '../layout/states.js'
import type {
  Asker,
  Comparison,
  Health,
  Heartbeat,
  KeyState,
  Position,
  Sink,
  SinkDeps,
  Verification,
} from '../sink.js'
import { type Address, parseAddress } from './address.js'
import { compare } from './compare.js'
import { examine } from './doctor.js'
import { Job, type Lane } from './job.js'
import { Member } from './member.js'
import { type Placement, placementFacts, placementOf } from './placement.js'
import { connectionOf, type MemcachedSettings } from './settings.js'
import { memoryFor } from './slab.js'
import { holdsKeys, sweep } from './sweep.js'
import { unavailable } from './unavailable.js'
import { parity } from './verify.js'
import type { Refusal } from './writer.js'

const NAME = 'memcached'
/** Part of the fingerprint: grows when the same settings write something else. */
const LAYOUT = 2
/** What an item is larger than its value, key and all headers counted, in bytes. */
const OVERHEAD = 512

export function memcachedSink(settings: MemcachedSettings, deps: SinkDeps): Sink {
  return new MemcachedSink(settings, deps)
}

class MemcachedSink implements Sink {
  readonly name = NAME
  readonly settings: string
  readonly blind: boolean
  readonly spellsNets: boolean
  readonly #members: readonly Member[]
  readonly #placement: Placement
  readonly #deps: SinkDeps
  readonly #form: ContentsOptions
  #contents: ReturnType<typeof contentsOf> | null = null

  constructor(settings: MemcachedSettings, deps: SinkDeps) {
    const nameSource = settings.value === 'ids' && deps.sourceNames.length > 1
    this.#form = { form: settings.value, nameSource, expires: expiresOf(settings) }
    const addresses = addressesOf(settings)
    const placed = placementFacts(settings.placement, addresses)
    this.spellsNets = settings.spell_nets ?? settings.value === 'ids'
    this.settings = fingerprint([LAYOUT, this.#form, this.spellsNets, ...placed])
    const { clock } = deps
    this.#members = addresses.map(
      (address) => new Member({ ...connectionOf(settings), address, clock }),
    )
    this.blind = connectionOf(settings).credentials?.auth === 'sasl'
    this.#placement = placementOf(settings.placement, addresses)
    this.#deps = deps
  }

  async open(signal: AbortSignal, asker?: Asker): Promise<Position | null> {
    await Promise.all(this.#members.map((member) => member.open(signal, asker)))
    const { metrics } = this.#deps
    for (const { name, connection } of this.#members) {
      metrics.gauge('tipline_sink_server_up', { sink: NAME, server: name }, connection ? 1 : 0)
    }
    const up = this.#up()
    const expected = asker && { ...asker, settings: this.settings }
    const best = up.find(({ position }) => position && isAt(position, expected)) ?? mostAdvanced(up)
    for (const member of up) member.stray = strayFrom(best.position, member.position)
    const itemSize = Math.min(...up.map(({ connection }) => connection!.server.itemSize))
    this.#contents = contentsOf({ ...this.#form, largest: itemSize - OVERHEAD })
    return best.position
  }

  async apply(states: readonly KeyState[], signal: AbortSignal): Promise<void> {
    const job = this.#begin(this.#inOrder(), signal)
    await this.#put(states, job)
    this.#conclude(job, await job.end())
  }

  async remember(position: Position): Promise<void> {
    await this.#tell(this.#inOrder(), (member) => member.remember(position))
  }

  async beat(heartbeat: Heartbeat): Promise<void> {
    this.#estimate(heartbeat)
    const entries = beatEntries(heartbeat, this.#isOne() ? null : this.#behind())
    await this.#tell(this.#up(), (member) => member.beat(entries))
    if (this.#members.some(({ connection }) => !connection)) throw this.#fault()
  }

  async rebuild(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<void> {
    await this.#fill(this.#up(), states, signal)
  }

  async repair(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<void> {
    await this.#fill(this.#ailing(), states, signal)
  }

  strays(): string | null {
    const ailing = this.#ailing()
    if (ailing.length === 0) return null
    const named = (name: string) => (this.#isOne() ? '' : `${name}: `)
    return ailing.map(({ name, stray, loss }) => `${named(name)}${stray ?? loss}`).join('; ')
  }

  alarms(): readonly string[] {
    const now = this.#deps.clock()
    return this.#members.flatMap(({ name, connection }) => {
      if (!connection?.watch.isShort(now)) return []
      const { need, limit } = connection.watch
      const enough = memoryFor(Math.max(need ?? 0, limit))
      return `memcached ${name} throws out items for want of memory, so indicators are missed; nothing is repaired there before it has more: -m ${enough} would do`
    })
  }

  async verify(states: readonly KeyState[]): Promise<Verification> {
    const { whole, tallies } = await parity({
      states,
      members: this.#members,
      placement: this.#placement,
      contents: this.#opened(),
      now: this.#deps.clock(),
    })
    if (whole.checked === 0 && states.length > 0) throw this.#fault()
    for (const [member, { missing, different, bytes }] of tallies) {
      const wrong = missing + different
      if (wrong > 0) member.loss = `${wrong} of ${states.length} sampled keys are missing or differ`
      member.bytesEach = states.length > 0 ? bytes / states.length : null
    }
    return whole
  }

  async compare(
    states: AsyncIterable<readonly KeyState[]>,
    signal: AbortSignal,
  ): Promise<Comparison> {
    const contents = this.#opened()
    const up = this.#up()
    if (up.length < this.#members.length) throw this.#fault()
    const placement = this.#placement
    return compare({ states, signal, members: up, placement, contents, now: this.#deps.clock() })
  }

  async check(ledger?: string): Promise<Health> {
    const { clock } = this.#deps
    const { settings } = this
    const healths = await Promise.all(
      this.#members.map(async (member) => {
        const connect = () => member.connect()
        const { ok, findings } = await examine({ connect, now: clock(), settings, ledger })
        if (this.#isOne()) return { ok, findings }
        const named = (message: string) =>
          message.includes(member.name) ? message : `${member.name} ${message}`
        return { ok, findings: findings.map((f) => ({ ...f, message: named(f.message) })) }
      }),
    )
    return { ok: healths.every(({ ok }) => ok), findings: healths.flatMap((h) => h.findings) }
  }

  async close(): Promise<void> {
    for (const member of this.#members) member.close()
    this.#contents = null
  }

  #up(): Member[] {
    const up = this.#members.filter(({ connection }) => connection)
    if (up.length === 0) throw this.#fault()
    return up
  }

  /** Those that hold what the position says. */
  #inOrder(): Member[] {
    return this.#up().filter(({ stray }) => stray === null)
  }

  /**
   * Those to be repaired. One that missed changes may hold what was revoked; one that only lost keys is
   * left as it is while memory is short, since writing them again would push out as many.
   */
  #ailing(): Member[] {
    const now = this.#deps.clock()
    return this.#up().filter(
      ({ stray, loss, connection }) =>
        stray !== null || (loss !== null && !connection!.watch.isShort(now)),
    )
  }

  #fault(): SinkUnavailable {
    const down = this.#members.filter(({ connection }) => !connection)
    const [first] = down.map(({ fault }) => fault)
    if (!first || down.length === 1) return first ?? unavailable(NAME, 'is not connected')
    const what = down.map(({ fault }) => fault.message).join('; ')
    const hint = first.hint === undefined ? {} : { hint: first.hint }
    return new SinkUnavailable({ sink: NAME, what, ...hint, cause: first })
  }

  #opened(): ReturnType<typeof contentsOf> {
    if (this.#contents) return this.#contents
    throw this.#fault()
  }

  #begin(taking: readonly Member[], signal: AbortSignal, everywhere = false): Job {
    this.#opened()
    return new Job({
      members: this.#members,
      taking: new Set(taking),
      placement: this.#placement,
      everywhere,
      clock: this.#deps.clock,
      signal,
    })
  }

  async #put(states: readonly KeyState[], job: Job): Promise<void> {
    const contents = this.#opened()
    const now = this.#deps.clock()
    for (const state of states) {
      const later = job.put(state, contents(state, now))
      if (later) await later
    }
  }

  async #fill(
    members: readonly Member[],
    states: AsyncIterable<readonly KeyState[]>,
    signal: AbortSignal,
  ): Promise<void> {
    const job = this.#begin(members, signal, this.blind)
    /** By server, the number of its last write before ours; none: it was empty, there are no orphans. */
    const marks = new Map<Lane, number | null>()
    await job.each(async (lane) => {
      const { member, node } = lane
      // In the place of the position, which is void from here on.
      const mark = await node.mark(STATE_KEY, 'rebuilding')
      const mayBeEmpty = member.position === null && !this.blind
      if (mayBeEmpty && !(await holdsKeys(node, signal))) return
      marks.set(lane, mark)
    })
    let empty = true
    for await (const batch of states) {
      if (empty && batch.length > 0 && !this.blind) await this.#clearUnnumbered(job, marks)
      empty &&= batch.length === 0
      await this.#put(batch, job)
      // The next batch may be a while in coming.
      await job.each((lane) => lane.writer.room())
    }
    if (!empty && !this.blind) await this.#sweepAfter(job, marks)
    const refusals = await job.end()
    // They hold all that can be held, also where some of it was refused.
    for (const member of members.filter(({ connection }) => connection)) {
      member.stray = null
      member.loss = null
    }
    this.#conclude(job, refusals)
  }

  /** Where a server numbers no writes (`-C`), old keys can't be told from new ones afterwards. */
  async #clearUnnumbered(job: Job, marks: ReadonlyMap<Lane, number | null>): Promise<void> {
    await job.each(async (lane) => {
      if (marks.get(lane) !== null) return
      this.#deps.log.warn(
        { sink: NAME, server: lane.member.name },
        'memcached runs without CAS (-C): a rebuild empties it first, so lookups miss for a moment',
      )
      await sweep({ node: lane.node, upTo: Number.POSITIVE_INFINITY, signal: job.signal })
    })
  }

  async #sweepAfter(job: Job, marks: ReadonlyMap<Lane, number | null>): Promise<void> {
    await job.each(async (lane) => {
      const upTo = marks.get(lane)
      if (upTo === null || upTo === undefined) return
      // What is under way has to be in place, or it would look old.
      await lane.writer.end()
      const orphans = await sweep({ node: lane.node, upTo, signal: job.signal })
      const facts = { sink: NAME, server: lane.member.name, orphans }
      this.#deps.log.info(facts, 'took away keys that nobody wants any more')
      job.removed += orphans
    })
  }

  /** @throws SinkRejected */
  #conclude(job: Job, refusals: readonly Refusal<KeyState>[]): void {
    const items = new Map(refusals.map(({ subject, reason }) => [subject, reason]))
    job.written -= items.size
    this.#count(job)
    for (const state of job.keyless) items.set(state, KEYLESS)
    if (items.size === 0) return
    throw new SinkRejected({
      sink: NAME,
      what: `memcached ${this.#names()} did not take ${items.size} keys`,
      items: [...items].map(([state, reason]) => rejected(state, reason)),
    })
  }

  #count({ written, removed, cut }: Job): void {
    const { log, metrics } = this.#deps
    metrics.count('tipline_sink_written_total', { sink: NAME }, written)
    metrics.count('tipline_sink_removed_total', { sink: NAME }, removed)
    if (cut === 0) return
    metrics.count('tipline_sink_values_cut_total', { sink: NAME }, cut)
    const why =
      "too large for the server's items (its option -I): only the newest events stand there"
    log.warn({ sink: NAME, keys: cut }, why)
  }

  /** Some servers at once. @throws SinkUnavailable when none is left */
  async #tell(members: readonly Member[], work: (member: Member) => Promise<void>): Promise<void> {
    await Promise.all(members.map((member) => member.attempt(() => work(member))))
    this.#up()
  }

  #behind(): string[] {
    const behind = this.#members.filter(
      ({ connection, stray, loss }) => !connection || stray !== null || loss !== null,
    )
    return behind.map(({ name }) => name)
  }

  #estimate({ keys }: Heartbeat): void {
    const { metrics } = this.#deps
    const all = Object.values(keys).reduce((sum, n) => sum + n, 0)
    for (const { name, connection, bytesEach } of this.#members) {
      if (!connection) continue
      const { watch } = connection
      if (bytesEach !== null) watch.estimate(bytesEach, all)
      const labels = { sink: NAME, server: name }
      metrics.gauge('tipline_sink_memory_limit_bytes', labels, watch.limit)
      metrics.gauge('tipline_sink_memory_needed_bytes', labels, watch.need ?? 0)
      metrics.mirror('tipline_sink_evictions_total', labels, watch.evictions)
    }
  }

  #isOne(): boolean {
    return this.#members.length === 1
  }

  #names(): string {
    return this.#members.map(({ name }) => name).join(', ')
  }
}

const KEYLESS = 'memcached can hold no such key: it is too long, or not printable ASCII'

type Place = Pick<Position, 'ledger' | 'settings'> & { readonly seq: number | null }

function isAt(position: Position, place: Place | undefined): boolean {
  return (
    place !== undefined &&
    position.ledger === place.ledger &&
    position.seq === place.seq &&
    position.settings === place.settings
  )
}

function mostAdvanced(members: readonly Member[]): Member {
  return members.reduce((best, member) =>
    (member.position?.seq ?? -1) > (best.position?.seq ?? -1) ? member : best,
  )
}

function strayFrom(position: Position | null, own: Position | null): string | null {
  if (position === null) return null
  if (own === null) return 'it remembers nothing'
  return isAt(own, position) ? null : 'it has missed changes'
}

function addressesOf({ servers }: MemcachedSettings): Address[] {
  return servers.map((text) => {
    const address = parseAddress(text)
    if (!address) throw new TypeError('the settings did not go through their schema')
    return address
  })
}
