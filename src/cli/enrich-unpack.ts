/** Bytes as they are, or out of gzip or zstd, told by the first of them. */
import { PassThrough, pipeline, type Transform } from 'node:stream'
import * as zlib from 'node:zlib'

/** Unpacked at once. */
const CHUNK = 1 << 18
const ZSTD_MAGIC = 0xfd2fb528

/** First bytes that `isPacked` needs. */
export const MAGIC_BYTES = 4

export function isPacked(start: Buffer): boolean {
  return isGzip(start) || isZstd(start)
}

export async function* unpack(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const first = await chunks.next()
  if (first.done) return
  const unpacker = await unpackerFor(first.value)
  const all = withFirst(first.value, chunks)
  if (unpacker === null) yield* all
  else {
    const out = new PassThrough({ highWaterMark: CHUNK })
    yield* pipeline(all, unpacker, out, () => undefined)
  }
}

async function* withFirst(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield* rest
}

async function unpackerFor(start: Buffer): Promise<Transform | null> {
  if (isGzip(start)) return zlib.createGunzip({ chunkSize: CHUNK })
  return isZstd(start) ? unpackerOfZstd() : null
}

function isGzip(start: Buffer): boolean {
  return start[0] === 0x1f && start[1] === 0x8b
}

function isZstd(start: Buffer): boolean {
  return start.length >= MAGIC_BYTES && start.readUInt32LE() === ZSTD_MAGIC
}

/** Node's own where it has one (22.15 on). */
async function unpackerOfZstd(): Promise<Transform> {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform }
  if (createZstdDecompress) return createZstdDecompress()
  return (await import('./enrich-zstd.js')).createZstdUnpacker()
}

/** Of zlib and of fzstd. */
export function isDataFault(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  const { code } = error
  return typeof code === 'number' || /^(?:Z_|ZSTD_|ERR_ZSTD)/.test(String(code))
}
