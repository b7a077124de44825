/**
 * What a rebuild would do to servers as they are: for a look before taking over what another tool
 * filled. Keeps every key in memory, some 100 bytes each.
 */
import { printable } from '../../log.js'
import type { Content } from '../layout/contents.js'
import type { Comparison, KeyState } from '../sink.js'
import type { Node } from './client.js'
import type { Member } from './member.js'
import type { Placement } from './placement.js'
import { listKeys } from './sweep.js'
import { sharesOf } from './verify.js'

export interface Look {
  readonly states: AsyncIterable<readonly KeyState[]>
  readonly members: readonly Member[]
  readonly placement: Placement
  readonly contents: (state: KeyState, now: number) => Content
  /** Epoch seconds. */
  readonly now: number
  readonly signal: AbortSignal
}

const EXAMPLES = 5
const LONGEST_EXAMPLE = 200

/** @throws SinkUnavailable */
export async function compare(look: Look): Promise<Comparison> {
  const servers = new Map<Member, Server>()
  for (const member of look.members) servers.set(member, await serverOf(member, look.signal))
  const tally = new Tally()
  for await (const states of look.states) {
    look.signal.throwIfAborted()
    const shares = sharesOf({ ...look, states })
    for (const [member, share] of shares) {
      const server = servers.get(member)!
      // A key may come again, whole each time.
      const fresh = share.filter(({ key }) => !server.seen.has(key))
      const found = await server.node.get(fresh.map(({ key }) => key))
      for (const [n, { key, content }] of fresh.entries()) {
        server.seen.add(key)
        if (content.value === null) continue
        server.there?.delete(key)
        tally.add(key, { from: found[n]!, to: content.value })
      }
    }
  }
  return tally.whole([...servers.values()].map(({ there }) => there))
}

interface Server {
  readonly node: Node
  /** Keys that nobody has asked for yet; null: it can't list them. */
  readonly there: Set<string> | null
  readonly seen: Set<string>
}

async function serverOf(member: Member, signal: AbortSignal): Promise<Server> {
  const { node } = member.connection ?? fail(member)
  const there = node.dialect.dump('all') === null ? null : await listKeys(node, signal)
  return { node, there, seen: new Set() }
}

function fail(member: Member): never {
  throw member.fault
}

class Tally {
  #same = 0
  #added = 0
  #changed = 0
  readonly #examples = { added: [] as Added[], changed: [] as Changed[] }

  add(key: string, { from, to }: { from: Buffer | null; to: string }): void {
    const { added, changed } = this.#examples
    if (from === null) {
      this.#added++
      if (added.length < EXAMPLES) added.push({ key: shown(key), value: shown(to) })
    } else if (from.toString('latin1') === to) this.#same++
    else {
      this.#changed++
      const before = shown(from.toString('latin1'))
      if (changed.length < EXAMPLES) changed.push({ key: shown(key), from: before, to: shown(to) })
    }
  }

  whole(orphans: readonly (ReadonlySet<string> | null)[]): Comparison {
    const listed = orphans.every((keys) => keys !== null)
    const gone = listed ? orphans.flatMap((keys) => [...keys.values()].slice(0, EXAMPLES)) : []
    return {
      same: this.#same,
      added: this.#added,
      changed: this.#changed,
      removed: listed ? orphans.reduce((sum, keys) => sum + keys.size, 0) : null,
      examples: {
        ...this.#examples,
        removed: gone.slice(0, EXAMPLES).map((key) => ({ key: shown(key) })),
      },
    }
  }
}

type Added = Comparison['examples']['added'][number]
type Changed = Comparison['examples']['changed'][number]

/** What stands in a server may be anything. */
function shown(text: string): string {
  return printable(text.slice(0, LONGEST_EXAMPLE))
}
