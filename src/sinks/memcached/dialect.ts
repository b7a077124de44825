/** What differs between memcached's two protocols. Above this nobody knows which one is spoken. */
import type { Command, Replies } from './protocol.js'

/** Texts go out as Latin-1, one byte a character. */
export interface Dialect {
  /** Answered by the line `MN` once everything before it is done. */
  readonly barrier: string
  readonly version: string
  stats(group?: 'settings'): string
  /** Asks for a value; the answer carries `tag` back. '': no value can stand under such a key. */
  get(key: string, tag: number): string
  /** Sets a key of printable ASCII; the answer is the line `HD c<CAS number>`. */
  mark(key: string, value: string): string
  /** Lists the server's items; null: this protocol can't. */
  dump(way: 'all' | 'hash'): string | null
  /** Answered by `STORED`. */
  logIn(username: string, password: string): string
  /** Writes a quiet command, which is answered only when something is wrong; null: no such key can be. */
  write(bytes: Buffer, at: number, command: Command): number | null
  reader(): Reader
}

/** Cuts the stream of answers into the lines and values of the text protocol. */
export interface Reader {
  /** @throws NotMemcached */
  feed(piece: Buffer, replies: Replies): void
}
