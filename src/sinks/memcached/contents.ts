/** What a key's state means for memcached: which value, and for how long. */
import type { KeyState } from '../sink.js'
import { type Expires, lifetimes, remainder } from './expires.js'
import { expiry } from './protocol.js'
import { formatValue, type ValueForm } from './value.js'

/** What an item is larger than its value, key and all headers counted, in bytes. */
const OVERHEAD = 512
/** However large the server's items may be, nobody wants to fetch more for a log line. */
const LARGEST_VALUE = 1024 * 1024

export interface Content {
  /** null: the key is to be absent. */
  readonly value: string | null
  /** As memcached wants it; 0 never. */
  readonly expiry: number
  /** Carriers were left out because the value would have been too large. */
  readonly cut: boolean
}

export interface ContentsOptions {
  readonly form: ValueForm
  readonly nameSource: boolean
  readonly expires: Expires
  /** The server's `item_size_max`, in bytes. */
  readonly itemSize: number
}

const ABSENT: Content = { value: null, expiry: 0, cut: false }

/** Makes the function from a state and the time (epoch seconds) to what memcached is to hold. */
export function contentsOf(options: ContentsOptions): (state: KeyState, now: number) => Content {
  const { form, nameSource, itemSize } = options
  const lifetimeOf = lifetimes(options.expires)
  const largest = Math.min(itemSize - OVERHEAD, LARGEST_VALUE)
  return ({ space, carriers }, now) => {
    const left = remainder(carriers, lifetimeOf.get(space), now)
    if (left.carriers.length === 0) return ABSENT
    const { text, cut } = formatValue(left.carriers, { form, nameSource, largest })
    return { value: text, expiry: expiry(left.seconds, now), cut }
  }
}
