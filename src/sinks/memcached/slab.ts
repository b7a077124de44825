/**
 * How much of a server's memory (its option -m) an item takes. memcached cuts its memory into chunks of
 * fixed sizes, each some 25 % larger than the one before; an item takes the smallest chunk that holds
 * it. Counted as memcached 1.6 does (items.c, slabs.c). Pure.
 */

/** The server's options that decide over it, in bytes. */
export interface SlabOptions {
  /** -n: what the smallest chunk holds beside the header. */
  readonly smallest: number
  /** -f */
  readonly growth: number
  readonly largest: number
  readonly cas: boolean
}

const HEADER = 48
const CAS = 8
const ALIGN = 8
/** The NUL behind a key, the CR LF behind a value. */
const TAILS = 3
/** Most classes of chunks that there are. */
const CLASSES = 62
const MIB = 1024 * 1024

export function slabOptions(settings: ReadonlyMap<string, string>): SlabOptions {
  const read = (name: string, fallback: number) => Number(settings.get(name) ?? fallback)
  return {
    smallest: read('chunk_size', 48),
    growth: Math.max(1.01, read('growth_factor', 1.25)),
    largest: read('slab_chunk_max', 524_288),
    cas: settings.get('cas_enabled') !== 'no',
  }
}

/** The function from the lengths of key and value to the bytes that the item takes. */
export function itemBytes(options: SlabOptions): (key: number, value: number) => number {
  const chunks = chunkSizes(options)
  const header = HEADER + (options.cas ? CAS : 0) + TAILS
  return (key, value) => {
    const size = header + key + value
    // A larger one is spread over several.
    return chunks.find((chunk) => chunk >= size) ?? size
  }
}

function chunkSizes({ smallest, growth, largest }: SlabOptions): number[] {
  const sizes: number[] = []
  let size = HEADER + smallest
  while (sizes.length < CLASSES && size < largest / growth) {
    const chunk = Math.ceil(size / ALIGN) * ALIGN
    sizes.push(chunk)
    size = Math.floor(chunk * growth)
  }
  return [...sizes, largest]
}

/**
 * The -m (MiB) with which so many bytes of items fit: a quarter more for the pages that each class
 * begins, for what is replaced and not yet reused, and for what others keep there; in steps of 64.
 */
export function memoryFor(bytes: number): number {
  return Math.max(64, Math.ceil((bytes * 1.25) / MIB / 64 + 0.25) * 64)
}
