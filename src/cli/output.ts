/** Everything a command says: its answer on stdout, either for eyes or as one JSON document. */
import { printable } from '../log.js'

export type Colour = keyof typeof CODES

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const

/** What a command needs of stdout or stderr. */
export interface TextStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

export class Output {
  readonly json: boolean
  readonly #stream: TextStream
  readonly #coloured: boolean

  constructor({
    json,
    stream,
    coloured,
  }: { json: boolean; stream: TextStream; coloured: boolean }) {
    this.json = json
    this.#stream = stream
    this.#coloured = coloured
  }

  /** The whole answer: `document` under --json, else the lines. Called once by each command. */
  answer(document: unknown, lines: () => readonly string[]): void {
    if (this.json) this.#stream.write(jsonText(document))
    else this.lines(lines())
  }

  /** Lines for eyes; nothing under --json. Foreign text in them must have gone through `printable`. */
  lines(lines: readonly string[]): void {
    if (!this.json && lines.length > 0) this.#stream.write(`${lines.join('\n')}\n`)
  }

  /** A whole text as it is, such as a config. */
  text(text: string): void {
    this.#stream.write(text.endsWith('\n') ? text : `${text}\n`)
  }

  paint(colour: Colour, text: string): string {
    return this.#coloured ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text
  }
}

/** https://no-color.org */
export function hasColours(
  stream: TextStream,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (env.NO_COLOR) return false
  return stream.isTTY === true && env.TERM !== 'dumb'
}

/** JSON that is safe on a terminal too: what JSON lets through raw is escaped as well. */
export function jsonText(document: unknown): string {
  const lines = JSON.stringify(document, undefined, 2).split('\n')
  return `${lines.map(printable).join('\n')}\n`
}
