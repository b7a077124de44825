/**
 * The data of an INSERT on its way into the engine: as a file where it is small, else through a FIFO,
 * so that any amount streams. The engine reads both with INFILE, which keeps an INSERT's own meaning
 * (defaults, formats).
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { constants, openSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Far more than a FIFO holds: once all of it is written, the engine has opened the other end. */
const SMALL = 1024 * 1024

export interface Spool {
  readonly path: string
  /**
   * Hands over what is left; resolves when all of it is. Where the body breaks off the FIFO stays open
   * until `cut`: an end of file would make half the rows look like all of them.
   */
  feed(): Promise<void>
  /** Ends it before its end. */
  cut(): void
  /** The engine is done, however it went. */
  remove(): Promise<void>
}

/** @throws what the body fails with */
export async function spool(body: AsyncIterable<Uint8Array>, folder: string): Promise<Spool> {
  const path = join(folder, randomUUID())
  const rest = body[Symbol.asyncIterator]()
  const start = await upTo(SMALL, rest)
  if (start.done) {
    await writeFile(path, start.pieces)
    return {
      path,
      feed: async () => undefined,
      cut: () => undefined,
      remove: () => rm(path, { force: true }),
    }
  }
  await promisify(execFile)('mkfifo', ['-m', '600', path])
  // Open for both, or it would block until the engine comes, or for ever where that does not come.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const pipe = new Socket({ fd, readable: false, writable: true })
  return {
    path,
    feed: () => feed(pipe, start.pieces, rest),
    cut: () => void pipe.destroy(),
    remove: async () => {
      pipe.destroy()
      await rm(path, { force: true })
    },
  }
}

async function upTo(
  size: number,
  body: AsyncIterator<Uint8Array>,
): Promise<{ pieces: Uint8Array[]; done: boolean }> {
  const pieces: Uint8Array[] = []
  for (let bytes = 0; bytes < size; ) {
    const next = await body.next()
    if (next.done) return { pieces, done: true }
    pieces.push(next.value)
    bytes += next.value.length
  }
  return { pieces, done: false }
}

async function feed(
  pipe: Socket,
  start: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): Promise<void> {
  for (const piece of start) await write(pipe, piece)
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    if (pipe.destroyed) return
    await write(pipe, next.value)
  }
  pipe.end()
}

/** Until there is room again, or the engine is done with it. */
function write(pipe: Socket, piece: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (pipe.destroyed || pipe.write(piece)) return resolve()
    const go = () => {
      pipe.off('drain', go).off('close', go)
      resolve()
    }
    pipe.on('drain', go).on('close', go)
  })
}
