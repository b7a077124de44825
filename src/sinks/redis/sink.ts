/** The Redis sink: the keys and values of memcached, as plain strings in one database. */
import { SinkRejected } from '../../errors.js'
import { lookupKeys } from '../../indicators/keys.js'
import { beatEntries } from '../layout/beat.js'
import { type ContentsOptions, contentsOf, lapses } from '../layout/contents.js'
import { fingerprint } from '../layout/fingerprint.js'
import { HEARTBEAT_KEY, STATE_KEY } from '../layout/keyspace.js'
import { positionFrom, positionText } from '../layout/memory.js'
import { expiresOf } from '../layout/settings.js'
import { rejected, verifyStates } from '../layout/states.js'
import type {
  Health,
  Heartbeat,
  KeyState,
  Position,
  Sink,
  SinkDeps,
  Verification,
} from '../sink.js'
import { Batch } from './batch.js'
import { Connection, placeOf } from './connection.js'
import { examine } from './doctor.js'
import { unavailable } from './faults.js'
import { Register } from './register.js'
import type { RedisSettings } from './settings.js'

const NAME = 'redis'
/** Part of the fingerprint: grows when the same settings write something else. */
const LAYOUT = 1
const GETS_AT_ONCE = 500

export function redisSink(settings: RedisSettings, deps: SinkDeps): Sink {
  return new RedisSink(settings, deps)
}

type Opened = { readonly connection: Connection; readonly register: Register }

/** One call's work, and what there is to tell of it. */
interface Job extends Opened {
  readonly signal: AbortSignal
  readonly keyless: KeyState[]
  batch: Batch
  /** Sent, and not yet waited for. */
  underWay: Promise<unknown>
  written: number
  removed: number
  cut: number
}

class RedisSink implements Sink {
  readonly name = NAME
  readonly settings: string
  readonly #settings: RedisSettings
  readonly #deps: SinkDeps
  readonly #contents: ReturnType<typeof contentsOf>
  #opened: Opened | null = null

  constructor(settings: RedisSettings, deps: SinkDeps) {
    const nameSource = settings.value === 'ids' && deps.sourceNames.length > 1
    const form: ContentsOptions = {
      form: settings.value,
      nameSource,
      expires: expiresOf(settings),
    }
    this.settings = fingerprint([LAYOUT, form])
    this.#settings = settings
    this.#deps = deps
    this.#contents = contentsOf(form)
  }

  async open(signal: AbortSignal): Promise<Position | null> {
    await this.close()
    const connection = await Connection.open(this.#settings, signal)
    try {
      const { prefix } = this.#settings
      const register = await Register.read(connection, { prefix, signal })
      const [state] = await this.#read(connection, [STATE_KEY], signal)
      this.#opened = { connection, register }
      return this.#trusted(positionFrom(Buffer.from(state ?? '')))
    } catch (error) {
      connection.close()
      throw error
    }
  }

  async apply(states: readonly KeyState[], signal: AbortSignal): Promise<void> {
    const job = this.#begin(signal)
    await job.register.ready(job.connection)
    await this.#put(states, job)
    await this.#finish(job)
  }

  async remember(position: Position): Promise<void> {
    const { connection, register } = this.#open()
    await register.ready(connection)
    await connection.ask(['SET', this.#key(STATE_KEY), positionText(position)])
  }

  async beat(heartbeat: Heartbeat): Promise<void> {
    const entries = beatEntries(heartbeat).flatMap(([key, text]) => [this.#key(key), text])
    await this.#open().connection.ask(['MSET', ...entries])
  }

  async rebuild(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<void> {
    const job = this.#begin(signal)
    await job.connection.ask(['UNLINK', this.#key(STATE_KEY)])
    let empty = true
    for await (const batch of states) {
      signal.throwIfAborted()
      if (empty && batch.length > 0) await job.register.renew(job.connection)
      empty &&= batch.length === 0
      await this.#put(batch, job)
      // The next batch may be a while in coming, and a server that is gone be noticed now.
      await this.#send(job)
    }
    if (!empty) await this.#sweep(job)
    await this.#finish(job)
  }

  async verify(states: readonly KeyState[]): Promise<Verification> {
    const { connection } = this.#open()
    const now = this.#deps.clock()
    return verifyStates(states, {
      wanted: (state) => [this.#contents(state, now).value, ...lapses(state, this.#contents, now)],
      read: (keys) => this.#read(connection, keys),
    })
  }

  check(ledger?: string): Promise<Health> {
    return examine({
      connect: () => Connection.open(this.#settings),
      read: (connection) => this.#read(connection, [STATE_KEY, HEARTBEAT_KEY]),
      register: (connection) => Register.read(connection, this.#settings),
      now: this.#deps.clock(),
      settings: this.settings,
      ledger,
    })
  }

  async close(): Promise<void> {
    this.#opened?.connection.close()
    this.#opened = null
  }

  #open(): Opened {
    if (this.#opened) return this.#opened
    throw unavailable(placeOf(this.#settings).name, { what: 'is not connected' })
  }

  /** Without a whole register nobody knows what is ours: only a rebuild makes that right again. */
  #trusted(position: Position | null): Position | null {
    if (position === null || this.#open().register.vouches) return position
    const { name } = this.#open().connection
    this.#deps.log.warn(
      { sink: NAME },
      `redis ${name} has lost a part of what tipline keeps there: is its maxmemory-policy allkeys-...?`,
    )
    return null
  }

  #begin(signal: AbortSignal): Job {
    signal.throwIfAborted()
    const batch = new Batch(this.#settings.prefix)
    const counts = { written: 0, removed: 0, cut: 0 }
    return { ...this.#open(), ...counts, signal, batch, keyless: [], underWay: Promise.resolve() }
  }

  async #put(states: readonly KeyState[], job: Job): Promise<void> {
    const now = this.#deps.clock()
    for (const state of states) {
      const keys = lookupKeys(state.space, state.value)
      const { value, seconds, cut } = this.#contents(state, now)
      if (value === null) job.removed++
      else if (keys.length === 0) job.keyless.push(state)
      else job.written++
      if (cut) job.cut++
      for (const key of keys) {
        if (value === null) job.batch.unset(key)
        else job.batch.set(key, value, seconds)
      }
      if (job.batch.isFull) await this.#send(job)
    }
  }

  /** Sends the batch; the server works on it while the next is made. */
  async #send(job: Job): Promise<void> {
    const { connection, register, signal, batch } = job
    const commands = batch.commands(register)
    job.batch = new Batch(this.#settings.prefix)
    await job.underWay
    signal.throwIfAborted()
    job.underWay = connection.askAll(commands, signal)
    // Whoever waits for it next is told; until then it is not unhandled.
    job.underWay.catch(() => undefined)
  }

  async #sweep(job: Job): Promise<void> {
    await this.#send(job)
    await job.underWay
    const orphans = await job.register.sweep(job.connection, job.signal)
    this.#deps.log.info({ sink: NAME, orphans }, 'took away keys that nobody wants any more')
    job.removed += orphans
  }

  async #finish(job: Job): Promise<void> {
    await this.#send(job)
    await job.underWay
    this.#count(job)
    if (job.keyless.length === 0) return
    throw new SinkRejected({
      sink: NAME,
      what: `redis ${job.connection.name} did not take ${job.keyless.length} keys`,
      items: job.keyless.map((state) => rejected(state, KEYLESS)),
    })
  }

  #count({ written, removed, cut }: Job): void {
    const { log, metrics } = this.#deps
    metrics.count('tipline_sink_written_total', { sink: NAME }, written)
    metrics.count('tipline_sink_removed_total', { sink: NAME }, removed)
    if (cut === 0) return
    log.warn({ sink: NAME, keys: cut }, 'very many events: only the newest of them stand there')
  }

  async #read(
    connection: Connection,
    keys: readonly string[],
    signal?: AbortSignal,
  ): Promise<(string | null)[]> {
    const values: (string | null)[] = []
    for (let start = 0; start < keys.length; start += GETS_AT_ONCE) {
      const some = keys.slice(start, start + GETS_AT_ONCE).map((key) => this.#key(key))
      values.push(...((await connection.ask(['MGET', ...some], signal)) as (string | null)[]))
    }
    return values
  }

  #key(key: string): string {
    return `${this.#settings.prefix}${key}`
  }
}

/** Redis could hold it, but no pipeline that also reads memcached could ask for it. */
const KEYLESS = 'can be no key: it is too long, or not printable ASCII'
