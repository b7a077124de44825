/**
 * The memory of the scanner (assembly/scanner.ts): what is looked up, which keys are known, and a place
 * for each thread. It is shared between threads, so that a million keys are held once.
 */
import type { Space } from '../../indicators/indicator.js'
import { LONGEST_RANGE } from './file-ranges.js'
import { SCANNER } from './scanner-binary.js'

/** The same numbers as in assembly/scanner.ts. */
export const HEADER = 1024
export const LETTERS = 2048
export const KINDS = 4096
export const MOST_KINDS = 480
export const KIND_BYTES = 128
export const MOST_SEEDS = 14
export const MOST_NAMES = 3000
const TABLE = 147_456 + (1 << 21)

/** Of a thread: its stack, the lines that were found, a text that is asked for, blocks of lines. */
const SCRATCH_BYTES = 4096
export const MOST_FOUND = 16_384
export const TEXT_BYTES = 262_144 + 64
/** The scanner reads a little beyond. */
const SLACK = 64
const PAGE = 65_536

/** The longest line that is looked at. The same in assembly/scanner.ts. */
export const MAX_LINE = 1 << 20
/** Bytes that are scanned together: such a line and what came with it. */
export const MAX_BLOCK = LONGEST_RANGE

export interface ScanMemory {
  /** The scanner, compiled once for all threads. */
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** Keys that it has room for. */
  readonly room: number
}

export interface Places {
  readonly scratch: number
  readonly found: number
  readonly text: number
  /**
   * Of blocks. The first is for what is done with at once; while one of the others is scanned, more of
   * them are filled or wait to be written out.
   */
  readonly blocks: readonly number[]
}

/** With the line feed that a file which was cut may lack. */
export const MAX_PLACED = MAX_BLOCK + 1
/** Blocks that a thread has room for besides the first; those that are never used take no memory. */
export const PLACES = 8
const BLOCK_BYTES = MAX_BLOCK + 2 * SLACK
const THREAD_BYTES = SCRATCH_BYTES + MOST_FOUND * 8 + TEXT_BYTES + (1 + PLACES) * BLOCK_BYTES

let compiled: WebAssembly.Module | undefined

/** Empty. 9 to 18 bytes for each key that it is to have room for. */
export function createScanMemory(keys: number, threads: number): ScanMemory {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(keys, 1024) * 1.5))
  const words = slots / 16
  const bloom = TABLE + slots * 4
  const start = bloom + words * 8
  const pages = Math.ceil((start + threads * THREAD_BYTES) / PAGE)
  // The scanner was compiled for any memory up to this.
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 32_768, shared: true })
  const header = new Uint32Array(memory.buffer, HEADER, 8)
  header.set([TABLE, slots - 1, 0, 0, bloom, words - 1, start])
  new Uint8Array(memory.buffer, LETTERS, 256).set(LETTER_CLASSES)
  compiled ??= new WebAssembly.Module(Buffer.from(SCANNER, 'base64'))
  return { module: compiled, memory, room: Math.floor(slots * 0.75) }
}

export function placesOf({ memory }: ScanMemory, thread: number): Places {
  const start = new Uint32Array(memory.buffer, HEADER, 8)[6]! + thread * THREAD_BYTES
  const found = start + SCRATCH_BYTES
  const text = found + MOST_FOUND * 8
  const first = text + TEXT_BYTES
  const blocks = Array.from({ length: 1 + PLACES }, (_, n) => first + n * BLOCK_BYTES)
  return { scratch: start, found, text, blocks }
}

/** What stands in a place. */
export type View = (place: number, length: number) => Buffer

/** Of the places of one thread, for any other. */
export function viewOf(shared: ScanMemory, thread: number): View {
  const { buffer } = shared.memory
  const { blocks } = placesOf(shared, thread)
  return (place, length) => Buffer.from(buffer, blocks[place], length)
}

/** How often a key was added. */
export function keysIn({ memory }: ScanMemory): number {
  return new Uint32Array(memory.buffer, HEADER, 8)[2]!
}

const [HOST_LETTER, MAIL_LETTER, ALNUM] = [1, 2, 4]

const LETTER_CLASSES = Uint8Array.from({ length: 256 }, (_, code) => {
  const letter = String.fromCharCode(code)
  const isHost = /[a-zA-Z0-9._-]/.test(letter) ? HOST_LETTER : 0
  const isMail = /[a-zA-Z0-9._%+=@'&!#$*/?^`|~-]/.test(letter) ? MAIL_LETTER : 0
  return isHost | isMail | (/[a-zA-Z0-9]/.test(letter) ? ALNUM : 0)
})

/** How the values of a kind of field are read. `look`: each is given to the exact reading. */
export const LANES = { host: 1, digest: 2, url: 3, mail: 4, look: 5 } as const
export type Lane = keyof typeof LANES

export interface KindRecord {
  readonly lane: Lane
  /** Of a host: URLs may be put together with it. Of a digest: it may come as pairs. */
  readonly also: boolean
  readonly spaces: readonly Space[]
}
