/**
 * Takes away keys of ours that nobody wants any more. Which those are the server itself knows: every
 * write gives an item a larger CAS number, so after everything wanted was written, what still has a
 * number from before is an orphan. That needs no memory however many keys there are, is exact, and
 * leaves alone what somebody else wrote meanwhile.
 */
import type { SinkUnavailable } from '../../errors.js'
import { printable } from '../../log.js'
import { sleep } from '../../retry.js'
import { isIndicatorKey } from '../layout/keyspace.js'
import type { Node } from './client.js'
import { dumpedCas, dumpedKey } from './protocol.js'
import { unavailable } from './unavailable.js'
import { Writer } from './writer.js'

export interface Sweep {
  readonly node: Node
  /** Items up to this CAS number go; Infinity: all of ours. */
  readonly upTo: number
  readonly signal: AbortSignal
}

type Way = 'hash' | 'all'

/** Orphans that are kept in memory at once; with more, the server is listed again. */
const AT_ONCE = 200_000
/** Its crawler does one thing at a time, and now and then looks for expired items by itself. */
const BUSY_TRIES = 150
const BUSY_PAUSE_MS = 200

/**
 * Answers how many keys went. The server is listed in both its ways, because each can miss one: `hash`
 * lists nothing while the table grows, `all` misses items that it moves between its lists meanwhile
 * (seen: 98 of 840,000 right after they were written).
 * @throws SinkUnavailable, or the signal's reason
 */
export async function sweep(what: Sweep): Promise<number> {
  let gone = 0
  for (const way of ['hash', 'all'] as const) {
    for (let found = AT_ONCE; found === AT_ONCE; gone += found) {
      const orphans = await listOrphans(what, way)
      await remove(what, orphans)
      found = orphans.length
    }
  }
  return gone
}

/** Whether any key of an indicator stands there; a server that came back empty needs no sweep. */
export async function holdsKeys(node: Node, signal: AbortSignal): Promise<boolean> {
  for (const way of ['all', 'hash'] as const) {
    let found = false
    const refused = await dump({ node, way, signal }, (line) => {
      found ||= isIndicatorKey(dumpedKey(line))
    })
    // Who can't be asked may hold anything.
    if (found || refused !== null) return true
  }
  return false
}

/** Every key of an indicator that stands there, as Latin-1. @throws like sweep */
export async function listKeys(node: Node, signal: AbortSignal): Promise<Set<string>> {
  const keys = new Set<string>()
  if ((await node.stats()).get('curr_items') === '0') return keys
  for (const way of ['hash', 'all'] as const) {
    const refused = await dump({ node, way, signal }, (line) => {
      const key = dumpedKey(line)
      if (isIndicatorKey(key)) keys.add(key.toString('latin1'))
    })
    if (refused !== null && way === 'all') throw cannotList(node, refused)
  }
  return keys
}

async function listOrphans({ node, upTo, signal }: Sweep, way: Way): Promise<Buffer[]> {
  const orphans: Buffer[] = []
  const refused = await dump({ node, way, signal }, (line) => {
    if (dumpedCas(line) > upTo || orphans.length === AT_ONCE) return
    const key = dumpedKey(line)
    if (isIndicatorKey(key)) orphans.push(key)
  })
  // An old server may know no `hash`.
  if (refused !== null && way === 'all') throw cannotList(node, refused)
  return orphans
}

/** Answers null, or why the server lists nothing. */
async function dump(
  { node, way, signal }: { node: Node; way: Way; signal: AbortSignal },
  entry: (line: string) => void,
): Promise<string | null> {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted()
    let lines = 0
    const refused = await node.dump(way, (line) => {
      lines++
      entry(line)
    })
    // It holds at least the sink's state: where nothing is listed, the table was growing.
    const busy = refused === null ? lines === 0 : refused.startsWith('BUSY')
    if (!busy || tries === BUSY_TRIES) return refused ?? (busy ? 'nothing' : null)
    await sleep(BUSY_PAUSE_MS, signal)
  }
}

function cannotList(node: Node, refused: string): SinkUnavailable {
  const hint = 'start it without -X and without -o no_lru_crawler, or old keys can not be found'
  return unavailable(node.name, `does not list its keys: ${printable(refused.slice(0, 80))}`, hint)
}

async function remove({ node, signal }: Sweep, keys: readonly Buffer[]): Promise<void> {
  const writer = new Writer<Buffer>(node, signal)
  for (const key of keys) {
    const command = { key, value: null, expiry: 0 }
    while (!writer.put(command, key)) await writer.room()
  }
  const [refusal] = await writer.end()
  if (refusal) throw unavailable(node.name, `keeps a key that is to go: ${refusal.reason}`)
}
