/**
 * Which keys of the database are ours, kept in the database itself, so that a rebuild can take away
 * what nobody wants any more without looking at anybody else's keys.
 *
 * The names, without the prefix that all keys have, stand in sets: `tipline:register:<generation>:<n>`,
 * a fixed number of them, so that none is slow to work on. A rebuild writes a new generation; what the
 * older ones name and the new one does not is an orphan. `tipline:register` names the generations that
 * there are: one, but while a rebuild goes on, or after one was cut short.
 *
 * A name is entered before its key is written, and struck out after its key is gone. Redis obeys in
 * order, and whatever it loses (kill, power cut, failover, an old snapshot) is the end of that order.
 * So whenever a key of ours stands there, its name does, without a transaction.
 *
 * Each set also holds the empty name, which is no key's: a set that is missing was taken away, by an
 * eviction policy that does not spare it. Then the register does not vouch for anything any more.
 */
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { isIndicatorKey } from '../layout/keyspace.js'
import type { Command, Connection } from './connection.js'

/** With a million keys, 16,000 names a set: a difference of two takes a few milliseconds. */
const SETS = 64
const NOBODY = ''
/** Keys that are taken away by one command. */
const AT_ONCE = 1000

export class Register {
  readonly #prefix: string
  /** Where names are entered now; null: nowhere yet. */
  #current: string | null

  /** Reads what there is; writes nothing. @throws SinkUnavailable */
  static async read(
    connection: Connection,
    { prefix, signal }: { prefix: string; signal?: AbortSignal },
  ): Promise<Register> {
    const found = (await connection.ask(['SMEMBERS', `${prefix}${NAME}`], signal)) as string[]
    const [only] = found
    const isAlone = found.length === 1 && only !== undefined
    const isWhole = isAlone && (await areThere(connection, setsOf(prefix, only)))
    return new Register(prefix, isWhole ? only : null)
  }

  private constructor(prefix: string, current: string | null) {
    this.#prefix = prefix
    this.#current = current
  }

  /** Whether it knows every key of ours, and which of them are still wanted. */
  get vouches(): boolean {
    return this.#current !== null
  }

  /** Begins a generation where there is none to enter names in. */
  async ready(connection: Connection): Promise<void> {
    if (this.#current === null) await this.renew(connection)
  }

  /** Begins a generation; the others stay until `sweep`. */
  async renew(connection: Connection): Promise<void> {
    const generation = randomBytes(6).toString('hex')
    await connection.askAll([
      ['SADD', this.#listed, generation],
      ...setsOf(this.#prefix, generation).map((set) => ['SADD', set, NOBODY] as const),
    ])
    this.#current = generation
  }

  /** The commands that enter names, to go before what writes the keys. */
  enter(keys: readonly string[]): Command[] {
    return this.#bySet('SADD', keys)
  }

  /** The commands that strike names out, to go behind what takes the keys away. */
  strike(keys: readonly string[]): Command[] {
    return this.#bySet('SREM', keys)
  }

  /**
   * Takes away the keys that only other generations name, and these with them; answers how many keys.
   * @throws SinkUnavailable, or the signal's reason
   */
  async sweep(connection: Connection, signal: AbortSignal): Promise<number> {
    const all = (await connection.ask(['SMEMBERS', this.#listed])) as string[]
    let orphans = 0
    for (const generation of all.filter((one) => one !== this.#current)) {
      orphans += await this.#sweepOne(connection, { generation, signal })
      await connection.ask(['SREM', this.#listed, generation])
    }
    return orphans
  }

  async #sweepOne(
    connection: Connection,
    { generation, signal }: { generation: string; signal: AbortSignal },
  ): Promise<number> {
    const wanted = setsOf(this.#prefix, this.#current ?? '')
    let orphans = 0
    for (const [n, set] of setsOf(this.#prefix, generation).entries()) {
      const names = (await connection.ask(['SDIFF', set, wanted[n]!], signal)) as string[]
      const ours = names.filter(isOurs).map((name) => `${this.#prefix}${name}`)
      for (let start = 0; start < ours.length; start += AT_ONCE) {
        await connection.ask(['UNLINK', ...ours.slice(start, start + AT_ONCE)], signal)
      }
      await connection.ask(['UNLINK', set])
      orphans += ours.length
    }
    return orphans
  }

  #bySet(command: 'SADD' | 'SREM', keys: readonly string[]): Command[] {
    const sets = new Map<number, string[]>()
    for (const key of keys) {
      const n = crc32(key) % SETS
      const names = sets.get(n)
      if (names) names.push(key)
      else sets.set(n, [key])
    }
    const names = setsOf(this.#prefix, this.#current ?? '')
    return [...sets].map(([n, of]) => [command, names[n]!, ...of])
  }

  get #listed(): string {
    return `${this.#prefix}${NAME}`
  }
}

const NAME = 'tipline:register'

function setsOf(prefix: string, generation: string): string[] {
  return Array.from({ length: SETS }, (_, n) => `${prefix}${NAME}:${generation}:${n}`)
}

/** Whoever may write here could enter any name: what does not look like a key of ours stays. */
function isOurs(name: string): boolean {
  return isIndicatorKey(Buffer.from(name))
}

async function areThere(connection: Connection, sets: readonly string[]): Promise<boolean> {
  return (await connection.ask(['EXISTS', ...sets])) === sets.length
}
