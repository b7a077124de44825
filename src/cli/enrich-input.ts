/** The logs that `tipline enrich` reads: files or stdin, plain, gzip or zstd, told by their first bytes. */
import {
  closeSync,
  createReadStream,
  open as openFile,
  openSync,
  readSync,
  statSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { addAbortSignal, PassThrough, pipeline, type Transform } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { InputError } from '../errors.js'
import { printable } from '../log.js'

export interface LogInput {
  readonly name: string
  /** Bytes on disk; null where nobody knows. */
  readonly size: number | null
  /** Bytes read of them so far. */
  bytesRead(): number
  /** Unpacked. Iterated once. @throws InputError, or the reason of the signal */
  readonly chunks: AsyncIterable<Buffer>
}

export interface InputOptions {
  readonly signal: AbortSignal
  /**
   * When the next chunk is asked for, fewer than so many of the last are still in use. The memory of
   * those before is used again: with a new one for each, a quarter of the time went into collecting.
   */
  readonly inFlight: number
  /** Bytes of a chunk. */
  readonly chunk: number
}

/** Unpacked at once. */
const CHUNK = 1 << 18

/** No file, or `-`: stdin. Every file is looked at before the first is read. */
export async function openInputs(
  files: readonly string[],
  options: InputOptions,
): Promise<LogInput[]> {
  const names = files.length === 0 ? ['-'] : files
  const sizes = names.map((name) => (name === '-' ? null : statSync(name).size))
  return names.map((name, at) => open(name, { ...options, size: sizes[at]! }))
}

function open(
  name: string,
  { size, ...options }: InputOptions & { size: number | null },
): LogInput {
  let read = 0
  const count = (bytes: number) => {
    read += bytes
  }
  return { name, size, bytesRead: () => read, chunks: unpacked(name, { ...options, count }) }
}

interface Reading extends InputOptions {
  count(bytes: number): void
}

async function* unpacked(name: string, reading: Reading): AsyncGenerator<Buffer> {
  try {
    yield* unpack(name === '-' ? fromStdin(reading) : fromFile(name, reading), reading)
  } catch (error) {
    if (reading.signal.aborted) throw reading.signal.reason
    if (!isDataFault(error)) throw error
    const what = `${name === '-' ? 'stdin' : printable(name)} can't be unpacked to its end`
    throw new InputError({ what, hint: 'what was read of it has been written', cause: error })
  }
}

function fromStdin({ signal }: Reading): AsyncIterator<Buffer> {
  return addAbortSignal(signal, process.stdin)[Symbol.asyncIterator]()
}

function fromFile(name: string, reading: Reading): AsyncIterator<Buffer> {
  const kind = statSync(name)
  if (kind.isFile()) return fromDisk(name, reading)
  if (kind.isFIFO()) return fromPipe(name, reading)
  const stream = createReadStream(name, { highWaterMark: CHUNK })
  return addAbortSignal(reading.signal, stream)[Symbol.asyncIterator]()
}

/**
 * Waited for by the event loop: a thread that reads a pipe can't be called back from it. Opening waits
 * in a thread until somebody writes; only a second signal ends that.
 */
async function* fromPipe(name: string, { signal }: Reading): AsyncGenerator<Buffer> {
  const fd = await promisify(openFile)(name, 'r')
  yield* addAbortSignal(signal, new Socket({ fd, readable: true, writable: false }))
}

/** Read in this thread: what the kernel has read ahead is copied sooner than another is woken. */
async function* fromDisk(
  name: string,
  { signal, inFlight, chunk }: Reading,
): AsyncGenerator<Buffer> {
  const ring = Array.from({ length: inFlight }, () => Buffer.allocUnsafeSlow(chunk))
  const file = openSync(name, 'r')
  try {
    for (let n = 0; ; n += 1) {
      const buffer = ring[n % ring.length]!
      const bytes = readSync(file, buffer)
      if (bytes === 0) return
      yield buffer.subarray(0, bytes)
      // Signals and timers have their turn.
      await turn()
      signal.throwIfAborted()
    }
  } finally {
    closeSync(file)
  }
}

async function* unpack(
  iterator: AsyncIterator<Buffer>,
  { count }: Reading,
): AsyncGenerator<Buffer> {
  try {
    const first = await iterator.next()
    if (first.done) return
    count(first.value.length)
    const unpacker = await unpackerFor(first.value)
    const rest = counted(first.value, iterator, count)
    if (unpacker === null) yield* rest
    else {
      const out = new PassThrough({ highWaterMark: CHUNK })
      yield* pipeline(copied(rest), unpacker, out, () => undefined)
    }
  } finally {
    // Not waited for: a read that is under way ends when it likes.
    iterator.return?.().catch(() => undefined)
  }
}

async function* counted(
  first: Buffer,
  iterator: AsyncIterator<Buffer>,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  yield first
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    count(next.value.length)
    yield next.value
  }
}

/** A stream keeps what it was given for longer than the ring does. */
async function* copied(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

async function unpackerFor(start: Buffer): Promise<Transform | null> {
  if (start[0] === 0x1f && start[1] === 0x8b) return zlib.createGunzip({ chunkSize: CHUNK })
  return start.length >= 4 && start.readUInt32LE() === ZSTD_MAGIC ? unpackerOfZstd() : null
}

const ZSTD_MAGIC = 0xfd2fb528

/** Node's own where it has one (22.15 on). */
async function unpackerOfZstd(): Promise<Transform> {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform }
  if (createZstdDecompress) return createZstdDecompress()
  return (await import('./enrich-zstd.js')).createZstdUnpacker()
}

/** Of zlib and of fzstd. */
function isDataFault(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  const { code } = error
  return typeof code === 'number' || /^(?:Z_|ZSTD_|ERR_ZSTD)/.test(String(code))
}
