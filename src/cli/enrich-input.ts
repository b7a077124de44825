/** The logs that `tipline enrich` reads: files or stdin, plain, gzip or zstd, told by their first bytes. */
import { createReadStream, statSync } from 'node:fs'
import { addAbortSignal, PassThrough, pipeline, type Readable, type Transform } from 'node:stream'
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

const CHUNK = 1 << 18

/** No file, or `-`: stdin. Every file is looked at before the first is read. */
export async function openInputs(
  files: readonly string[],
  signal: AbortSignal,
): Promise<LogInput[]> {
  const names = files.length === 0 ? ['-'] : files
  const sizes = names.map((name) => (name === '-' ? null : statSync(name).size))
  return names.map((name, at) => open(name, { size: sizes[at]!, signal }))
}

function open(
  name: string,
  { size, signal }: { size: number | null; signal: AbortSignal },
): LogInput {
  let read = 0
  const count = (bytes: number) => {
    read += bytes
  }
  return { name, size, bytesRead: () => read, chunks: unpacked(name, { signal, count }) }
}

interface Reading {
  readonly signal: AbortSignal
  count(bytes: number): void
}

async function* unpacked(name: string, reading: Reading): AsyncGenerator<Buffer> {
  const raw = name === '-' ? process.stdin : createReadStream(name, { highWaterMark: CHUNK })
  addAbortSignal(reading.signal, raw)
  try {
    yield* unpack(raw, reading)
  } catch (error) {
    if (reading.signal.aborted) throw reading.signal.reason
    if (!isDataFault(error)) throw error
    const what = `${name === '-' ? 'stdin' : printable(name)} can't be unpacked to its end`
    throw new InputError({ what, hint: 'what was read of it has been written', cause: error })
  }
}

async function* unpack(raw: Readable, { count }: Reading): AsyncGenerator<Buffer> {
  const iterator = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const first = await iterator.next()
  if (first.done) return
  count(first.value.length)
  const unpacker = await unpackerFor(first.value)
  const rest = counted(first.value, iterator, count)
  if (unpacker === null) yield* rest
  else yield* pipeline(rest, unpacker, new PassThrough({ highWaterMark: CHUNK }), () => undefined)
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
