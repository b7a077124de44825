/** The logs that `tipline enrich` reads: files or stdin, plain, gzip or zstd, told by their first bytes. */
import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  existsSync,
  fstatSync,
  open as openFile,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { addAbortSignal, type Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { InputError, UsageError } from '../errors.js'
import { printable } from '../log.js'
import { type FileRange, rangeLength, rangesOf, readRange } from '../match/logs/file-ranges.js'
import { isDataFault, isPacked, MAGIC_BYTES, unpack } from './enrich-unpack.js'

/** Bytes that are read at once. */
const CHUNK = 1 << 18

/** No file, or `-`: stdin, once. Every file is looked at before the first is read. */
export function openInputs(files: readonly string[], signal: AbortSignal): LogInput[] {
  const named = files.length === 0 ? ['-'] : files
  const names = named.filter((name, at) => name !== '-' || named.indexOf(name) === at)
  const sizes = names.map((name) => (name === '-' ? sizeOfStdin() : sizeOfFile(name)))
  return names.map((name, at) => new LogInput(name, { size: sizes[at]!, signal }))
}

export class LogInput {
  readonly name: string
  /** Bytes on disk; null where nobody knows. */
  readonly size: number | null
  readonly #signal: AbortSignal
  #read = 0
  #file: PlainFile | undefined
  #stream: Readable | undefined

  constructor(name: string, { size, signal }: { size: number | null; signal: AbortSignal }) {
    this.name = name
    this.size = size
    this.#signal = signal
  }

  /** Bytes read of those on disk so far. */
  get bytesRead(): number {
    return this.#read
  }

  /** Whether it reads this file, under whatever name. */
  isFile({ dev, ino }: Stats): boolean {
    const own = this.name === '-' ? fstatSync(STDIN) : statSync(this.name)
    return own.dev === dev && own.ino === ino
  }

  /** Unpacked. Iterated once. @throws InputError, or the reason of the signal */
  async *chunks(): AsyncGenerator<Buffer> {
    try {
      yield* unpack(this.#counted())
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason
      if (!isDataFault(error)) throw error
      const what = `${this.name === '-' ? 'stdin' : printable(this.name)} can't be unpacked to its end`
      throw new InputError({ what, hint: 'what was read of it has been written', cause: error })
    }
  }

  /** The same, but a plain file as ranges, for whoever matches them to read. */
  async *parts(): AsyncGenerator<Buffer | FileRange> {
    this.#file = openPlainFile(this.name)
    if (this.#file === undefined || isPacked(startOf(this.#file))) return yield* this.chunks()
    const { file, from } = this.#file
    const end = from + (this.size ?? 0)
    for (const part of rangesOf(file, { from, lengthAt: (at) => rangeLength(end - at) })) {
      // Signals, timers and other threads have their turn.
      await turn()
      this.#signal.throwIfAborted()
      this.#read += part.length
      yield part
    }
  }

  /** When no range of it is in use any more, also before its end: nothing waits for what may still come. */
  close(): void {
    this.#stream?.destroy()
    if (this.#file !== undefined && this.#file.file !== STDIN) closeSync(this.#file.file)
    this.#file = undefined
  }

  async *#counted(): AsyncGenerator<Buffer> {
    this.#stream = addAbortSignal(this.#signal, await streamOf(this.name))
    for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
      this.#read += chunk.length
      yield chunk
    }
  }
}

async function streamOf(name: string): Promise<Readable> {
  if (name === '-') return process.stdin
  if (statSync(name).isFIFO()) return streamOfPipe(name)
  return createReadStream(name, { highWaterMark: CHUNK })
}

/**
 * Waited for by the event loop: a thread that reads a pipe, or opens one that nobody writes to, can't be
 * called back from it. Only Linux tells a pipe that had no writer yet from one that has none any more;
 * elsewhere a thread opens it, and the second signal ends that.
 */
async function streamOfPipe(name: string): Promise<Readable> {
  const waiting = process.platform === 'linux' ? constants.O_NONBLOCK : 0
  const fd = await promisify(openFile)(name, constants.O_RDONLY | waiting)
  return new Socket({ fd, readable: true, writable: false })
}

/** A file that can be read anywhere. */
interface PlainFile {
  readonly file: number
  /** Where it begins for us. */
  readonly from: number
}

/** undefined: it is none. */
function openPlainFile(name: string): PlainFile | undefined {
  if (name === '-') return plainStdin()
  return statSync(name).isFile() ? { file: openSync(name, 'r'), from: 0 } : undefined
}

const STDIN = 0

/** `tipline enrich < FILE`; who had the file before us may have read some of it. */
function plainStdin(): PlainFile | undefined {
  if (!fstatSync(STDIN).isFile()) return undefined
  const from = placeIn(STDIN)
  return from === null ? undefined : { file: STDIN, from }
}

/** How far a descriptor has been read. null: only Linux tells, and only where /proc is mounted. */
function placeIn(file: number): number | null {
  const told = `/proc/self/fdinfo/${file}`
  const place = existsSync(told) ? /^pos:\s*(\d+)$/m.exec(readFileSync(told, 'latin1')) : null
  return place && Number(place[1])
}

function sizeOfFile(name: string): number {
  const facts = factsOf(name)
  if (facts.isDirectory()) {
    throw new UsageError({ what: `${printable(name)} is a folder`, hint: 'name the files in it' })
  }
  return facts.size
}

/** @throws UsageError where it is not there, or not for us */
function factsOf(name: string): Stats {
  try {
    accessSync(name, constants.R_OK)
    return statSync(name)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : `can not be read (${code ?? 'unknown'})`
    const hint = 'check the path, and who may read it'
    throw new UsageError({ what: `the file ${printable(name)} ${why}`, hint, cause })
  }
}

function sizeOfStdin(): number | null {
  const plain = plainStdin()
  return plain ? Math.max(0, fstatSync(STDIN).size - plain.from) : null
}

function startOf({ file, from }: PlainFile): Buffer {
  const start = Buffer.alloc(MAGIC_BYTES)
  readRange({ file, at: from, length: MAGIC_BYTES }, start)
  return start
}
