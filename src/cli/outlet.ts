/** Where lines go: written to no faster than they are taken, and left at once when we are told to go. */
import { once } from 'node:events'
import { constants, createWriteStream, openSync, statSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { EXIT, Interrupted } from '../errors.js'
import type { Write } from '../match/logs/enrich.js'
import { sleep } from '../retry.js'

/** The reader of our output has closed it. */
export class ReaderGone extends Error {}

/** Open when it answers: a file that can't be is told before the first line goes out. */
export async function openOutlet(file: string, signal: AbortSignal): Promise<Outlet> {
  const isPipe = statSync(file, { throwIfNoEntry: false })?.isFIFO() === true
  const stream = isPipe ? await openPipe(file, signal) : createWriteStream(file)
  const outlet = new Outlet(stream, signal)
  // A write, also of nothing, waits until it is open.
  await outlet.write([Buffer.alloc(0)])
  return outlet
}

/**
 * Asks for a reader again and again, and leaves waiting for what it takes to the event loop: a thread that
 * the system keeps waiting would keep the process from going, too.
 */
async function openPipe(file: string, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    try {
      const fd = openSync(file, constants.O_WRONLY | constants.O_NONBLOCK)
      return new Socket({ fd, readable: false, writable: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
      await sleep(NO_READER_MS, signal)
    }
  }
}

/** A stream that is written to no faster than it is read; what was written is not needed any more. */
export class Outlet {
  readonly #stream: Writable
  readonly #signal: AbortSignal
  /** Writes under way, as they are given up. One listener for all: each costs more than a write. */
  readonly #underWay = new Set<(reason: unknown) => void>()
  #broken: unknown

  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
    signal.addEventListener('abort', () => {
      for (const giveUp of this.#underWay) giveUp(this.#stopped())
    })
    stream.on('error', (error) => {
      this.#broken ??= faultOf(error)
    })
  }

  readonly write: Write = (pieces) =>
    new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken)
      // Told to go before: what was read is still written, if somebody takes it.
      if (this.#signal.aborted) this.#stopped()
      else this.#underWay.add(reject)
      const last = pieces.length - 1
      for (const piece of pieces.slice(0, last)) this.#stream.write(piece)
      // What one fails with is told to all behind it.
      this.#stream.write(pieces[last], (error) => {
        this.#underWay.delete(reject)
        if (error) reject(faultOf(error))
        else resolve()
      })
    })

  /** All that was written has reached the disk's cache. */
  async end(): Promise<void> {
    if (this.#broken) return
    this.#stream.end()
    await once(this.#stream, 'close')
  }

  /** A reader that takes nothing must not keep us when we are told to go. */
  #stopped(): unknown {
    const reason: unknown = this.#signal.reason
    const status = reason instanceof Interrupted ? reason.exitStatus : EXIT.outside
    setTimeout(() => process.exit(status), GRACE_MS).unref()
    return reason
  }
}

function faultOf(error: NodeJS.ErrnoException): unknown {
  return error.code === 'EPIPE' ? new ReaderGone() : error
}

/** For a slow reader to take what it was given. */
const GRACE_MS = 1000

/** Between two looks whether a pipe has a reader by now. */
const NO_READER_MS = 50
