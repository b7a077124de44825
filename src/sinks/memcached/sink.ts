/** The memcached sink: the keys under which an indicator is looked up, on one server. */
import { createHash } from 'node:crypto'
import { type RejectedItem, SinkRejected } from '../../errors.js'
import { lookupKeys } from '../../indicators/keys.js'
import { LEGACY_SPACES } from '../../indicators/types.js'
import { type ContentsOptions, contentsOf } from '../layout/contents.js'
import { HEARTBEAT_KEY, NET_LENGTHS_KEY, STATE_KEY, STATS_KEY } from '../layout/keyspace.js'
import { heartbeatText, positionFrom, positionText } from '../layout/memory.js'
import { expiresOf, timeoutOf } from '../layout/settings.js'
import { ascii } from '../layout/value.js'
import type {
  Health,
  Heartbeat,
  KeyState,
  Position,
  Sink,
  SinkDeps,
  Verification,
} from '../sink.js'
import { type Address, parseAddress } from './address.js'
import { Node, unavailable } from './client.js'
import { examine } from './doctor.js'
import { expiry } from './protocol.js'
import { readServer, type Server } from './server.js'
import type { MemcachedSettings } from './settings.js'
import { sweep } from './sweep.js'
import { Writer } from './writer.js'

const NAME = 'memcached'
/** What an item is larger than its value, key and all headers counted, in bytes. */
const OVERHEAD = 512
/** Part of the fingerprint: grows when the same settings write something else. */
const LAYOUT = 1

export function memcachedSink(settings: MemcachedSettings, deps: SinkDeps): Sink {
  return new MemcachedSink(settings, deps)
}

/** One call's work: its writer, and what there is to tell of it. */
interface Job {
  readonly node: Node
  readonly writer: Writer<KeyState>
  readonly signal: AbortSignal
  /** Without any key that memcached could hold. */
  readonly keyless: KeyState[]
  written: number
  removed: number
  cut: number
}

type Opened = { readonly node: Node; readonly contents: ReturnType<typeof contentsOf> }

class MemcachedSink implements Sink {
  readonly name = NAME
  readonly settings: string
  readonly #address: Address
  readonly #timeout: number
  readonly #deps: SinkDeps
  readonly #form: Omit<ContentsOptions, 'largest'>
  #opened: Opened | null = null

  constructor(settings: MemcachedSettings, deps: SinkDeps) {
    const nameSource = settings.value === 'ids' && deps.sourceCount > 1
    this.#form = { form: settings.value, nameSource, expires: expiresOf(settings) }
    this.settings = fingerprint([LAYOUT, this.#form])
    this.#address = addressOf(settings)
    this.#timeout = timeoutOf(settings)
    this.#deps = deps
  }

  async open(signal: AbortSignal): Promise<Position | null> {
    await this.close()
    const { node, server } = await this.#connect(signal)
    const contents = contentsOf({ ...this.#form, largest: server.itemSize - OVERHEAD })
    this.#opened = { node, contents }
    const [state] = await node.get([STATE_KEY])
    return positionFrom(state ?? null)
  }

  async apply(states: readonly KeyState[], signal: AbortSignal): Promise<void> {
    const job = this.#begin(signal)
    await this.#put(states, job)
    await this.#finish(job)
  }

  async remember(position: Position): Promise<void> {
    await this.#writeOwn([[STATE_KEY, positionText(position)]])
  }

  async beat(heartbeat: Heartbeat): Promise<void> {
    const { keys, netLengths } = heartbeat
    const legacy = LEGACY_SPACES.reduce((sum, space) => sum + (keys[space] ?? 0), 0)
    await this.#writeOwn([
      [STATS_KEY, String(legacy)],
      ...(netLengths ? [[NET_LENGTHS_KEY, ascii(netLengths)] as const] : []),
      [HEARTBEAT_KEY, heartbeatText(heartbeat)],
    ])
  }

  async rebuild(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<void> {
    const job = this.#begin(signal)
    // In the place of the position, which is void from here on.
    const mark = await job.node.mark(STATE_KEY, 'rebuilding')
    let empty = true
    for await (const batch of states) {
      if (empty && batch.length > 0 && mark === null) await this.#clearFirst(job)
      empty &&= batch.length === 0
      await this.#put(batch, job)
      // The next batch may be a while in coming.
      await job.writer.room()
    }
    if (!empty && mark !== null) await this.#sweepAfter(job, mark)
    await this.#finish(job)
  }

  async verify(states: readonly KeyState[]): Promise<Verification> {
    const { node, contents } = this.#open()
    const now = this.#deps.clock()
    const keys = states.map(({ space, value }) => lookupKeys(space, value))
    const found = await node.get(keys.flat())
    const result = { checked: states.length, missing: 0, different: 0 }
    let at = 0
    for (const [n, state] of states.entries()) {
      const end = at + keys[n]!.length
      const verdict = compare(contents(state, now).value, found.slice(at, end))
      if (verdict !== 'same') result[verdict]++
      at = end
    }
    return result
  }

  check(ledger?: string): Promise<Health> {
    return examine({
      connect: () => this.#connect(),
      now: this.#deps.clock(),
      settings: this.settings,
      ledger,
    })
  }

  async close(): Promise<void> {
    this.#opened?.node.close()
    this.#opened = null
  }

  async #connect(signal?: AbortSignal): Promise<{ node: Node; server: Server }> {
    const node = await Node.connect({ address: this.#address, timeout: this.#timeout, signal })
    try {
      return { node, server: await readServer(node) }
    } catch (error) {
      node.close()
      throw error
    }
  }

  #open(): Opened {
    if (this.#opened) return this.#opened
    throw unavailable(this.#address.name, 'is not connected')
  }

  #begin(signal: AbortSignal): Job {
    const { node } = this.#open()
    const writer = new Writer<KeyState>(node, signal)
    return { node, writer, signal, keyless: [], written: 0, removed: 0, cut: 0 }
  }

  async #put(states: readonly KeyState[], job: Job): Promise<void> {
    const { contents } = this.#open()
    const now = this.#deps.clock()
    for (const state of states) {
      const keys = lookupKeys(state.space, state.value)
      const { value, seconds, cut } = contents(state, now)
      if (value === null) job.removed++
      else if (keys.length === 0) job.keyless.push(state)
      else job.written++
      if (cut) job.cut++
      for (const key of keys) {
        const command = { key, value, expiry: value === null ? 0 : expiry(seconds, now) }
        while (!job.writer.put(command, state)) await job.writer.room()
      }
    }
  }

  /** Where the server numbers no writes (`-C`), old keys can't be told from new ones afterwards. */
  async #clearFirst({ node, signal }: Job): Promise<void> {
    this.#deps.log.warn(
      { sink: NAME },
      'memcached runs without CAS (-C): a rebuild empties it first, so lookups miss for a moment',
    )
    await sweep({ node, upTo: Number.POSITIVE_INFINITY, signal })
  }

  async #sweepAfter(job: Job, upTo: number): Promise<void> {
    // What is under way has to be in place, or it would look old.
    await job.writer.end()
    const orphans = await sweep({ node: job.node, upTo, signal: job.signal })
    this.#deps.log.info({ sink: NAME, orphans }, 'took away keys that nobody wants any more')
    job.removed += orphans
  }

  async #finish(job: Job): Promise<void> {
    const refusals = await job.writer.end()
    const items = new Map(refusals.map(({ subject, reason }) => [subject, reason]))
    job.written -= items.size
    this.#count(job)
    for (const state of job.keyless) items.set(state, KEYLESS)
    if (items.size === 0) return
    throw new SinkRejected({
      sink: NAME,
      what: `memcached ${this.#address.name} did not take ${items.size} keys`,
      items: [...items].map(([state, reason]) => rejected(state, reason)),
    })
  }

  #count({ written, removed, cut }: Job): void {
    const { log, metrics } = this.#deps
    metrics.count('tipline_sink_written_total', { sink: NAME }, written)
    metrics.count('tipline_sink_removed_total', { sink: NAME }, removed)
    if (cut === 0) return
    const why =
      "too large for the server's items (its option -I): only the newest events stand there"
    log.warn({ sink: NAME, keys: cut }, why)
  }

  async #writeOwn(entries: readonly (readonly [string, string])[]): Promise<void> {
    const { node } = this.#open()
    const writer = new Writer<string>(node, new AbortController().signal)
    for (const [key, value] of entries) {
      while (!writer.put({ key, value, expiry: 0 }, key)) await writer.room()
    }
    const [refusal] = await writer.end()
    if (refusal) throw unavailable(node.name, `does not take ${refusal.subject}: ${refusal.reason}`)
  }
}

const KEYLESS = 'memcached can hold no such key: it is too long, or not printable ASCII'

/** Named as the ledger does. */
function rejected({ space, value }: KeyState, reason: string): RejectedItem {
  return { item: `${space}:${value}`, reason }
}

function compare(
  wanted: string | null,
  found: readonly (Buffer | null)[],
): 'same' | 'missing' | 'different' {
  if (wanted === null) return found.every((value) => value === null) ? 'same' : 'different'
  if (found.includes(null)) return 'missing'
  return found.every((value) => value?.toString('latin1') === wanted) ? 'same' : 'different'
}

function addressOf({ servers }: MemcachedSettings): Address {
  const address = parseAddress(servers[0] ?? '')
  if (!address) throw new TypeError('the settings did not go through their schema')
  return address
}

function fingerprint(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16)
}
