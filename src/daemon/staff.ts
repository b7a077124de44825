/** The keepers of one kind, by name. A new config touches only those whose settings it changes. */
import type { Rota, Work } from './rota.js'

export interface Keeper {
  run: Work
}

/** A keeper, and how to close what it keeps. */
export interface Member<K> {
  readonly keeper: K
  close(): Promise<void>
}

export interface Wanted<K> {
  readonly name: string
  /** Whoever was opened with the same stays. */
  readonly settings: string
  /** Connects nowhere yet. @throws UsageError */
  readonly open: () => Member<K> | Promise<Member<K>>
}

/** What a new config will do. */
export interface Plan<K> {
  readonly order: readonly string[]
  readonly fresh: ReadonlyMap<string, Post<K>>
  readonly gone: readonly string[]
}

interface Post<K> extends Member<K> {
  readonly settings: string
}

export class Staff<K extends Keeper> {
  readonly #kind: string
  readonly #rota: Rota
  #posts = new Map<string, Post<K>>()

  constructor(kind: string, rota: Rota) {
    this.#kind = kind
    this.#rota = rota
  }

  get keepers(): readonly K[] {
    return [...this.#posts.values()].map(({ keeper }) => keeper)
  }

  /** Opens what is new; nothing has changed yet. @throws UsageError */
  async plan(wanted: readonly Wanted<K>[]): Promise<Plan<K>> {
    const isAsBefore = ({ name, settings }: Wanted<K>) =>
      this.#posts.get(name)?.settings === settings
    const fresh = await opened(wanted.filter((each) => !isAsBefore(each)))
    const stays = new Set(wanted.filter(isAsBefore).map(({ name }) => name))
    return {
      order: wanted.map(({ name }) => name),
      fresh,
      gone: [...this.#posts.keys()].filter((name) => !stays.has(name)),
    }
  }

  /** Ends and closes who is not wanted any more. */
  async dismiss({ gone }: Pick<Plan<K>, 'gone'>): Promise<void> {
    await this.#rota.stop(gone.map((name) => this.#workOf(name)))
    const closing = gone.map((name) => this.#posts.get(name)?.close())
    for (const name of gone) this.#posts.delete(name)
    await Promise.all(closing)
  }

  /** Begins with the new ones, once `when` has come. */
  engage({ order, fresh }: Plan<K>, when: Work = async () => undefined): void {
    const posts = new Map([...this.#posts, ...fresh])
    this.#posts = new Map(order.map((name) => [name, posts.get(name)!]))
    for (const [name, { keeper }] of fresh) {
      this.#rota.start(this.#workOf(name), async (signal) => {
        await when(signal)
        await keeper.run(signal)
      })
    }
  }

  close(): Promise<void> {
    return this.dismiss({ gone: [...this.#posts.keys()] })
  }

  /** One line each, for the log. */
  told({ fresh, gone }: Plan<K>): string[] {
    const changed = gone.filter((name) => fresh.has(name))
    return [
      ...changed.map((name) => `${this.#kind} ${name} changed`),
      ...[...fresh.keys()]
        .filter((n) => !changed.includes(n))
        .map((n) => `${this.#kind} ${n} is new`),
      ...gone.filter((n) => !fresh.has(n)).map((n) => `${this.#kind} ${n} is gone`),
    ]
  }

  #workOf(name: string): string {
    return `${this.#kind} ${name}`
  }
}

/** All of them, or none is left open. */
async function opened<K>(wanted: readonly Wanted<K>[]): Promise<Map<string, Post<K>>> {
  const posts = new Map<string, Post<K>>()
  try {
    for (const { name, settings, open } of wanted) posts.set(name, { ...(await open()), settings })
    return posts
  } catch (error) {
    await Promise.all([...posts.values()].map((post) => post.close()))
    throw error
  }
}
