/** `tipline enrich --explain-fields`: what of a sample would be looked up, and what not. */
import { EXIT } from '../errors.js'
import { printable } from '../log.js'
import { BlockCutter } from '../match/logs/blocks.js'
import type { FieldMap } from '../match/logs/field-map.js'
import { parseObject } from '../match/logs/line-enricher.js'
import { Observer } from '../match/logs/observe.js'
import type { Context } from './context.js'
import type { LogInput } from './enrich-input.js'
import { count, table } from './words.js'

/** Lines that are read of a sample. */
const SAMPLE = 10_000
const LONGEST_EXAMPLE = 60
const MOST_OTHERS = 40

interface Seen {
  readonly spaces: ReadonlySet<string>
  values: number
  readonly example: string
}

export async function explainFields(
  context: Context,
  { fields, inputs }: { fields: FieldMap; inputs: readonly LogInput[] },
): Promise<number> {
  const sample = new Sample(fields)
  for (const input of inputs) await sample.read(input.chunks())
  context.out.answer(sample.document(), () => sample.report())
  return sample.isEmpty ? EXIT.nothing : EXIT.done
}

class Sample {
  readonly #observer: Observer
  readonly #seen = new Map<string, Seen>()
  readonly #others = new Map<string, number>()
  #lines = 0

  constructor(fields: FieldMap) {
    this.#observer = new Observer(fields)
  }

  get isEmpty(): boolean {
    return this.#seen.size === 0
  }

  async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    const cutter = new BlockCutter()
    for await (const chunk of chunks) {
      for (const block of cutter.push(chunk)) this.#readLines(block.bytes)
      if (this.#lines >= SAMPLE) return
    }
    for (const block of cutter.end()) this.#readLines(block.bytes)
  }

  #readLines(bytes: Buffer): void {
    for (const line of bytes.toString('utf8').split('\n')) {
      if (this.#lines >= SAMPLE) return
      const document = parseObject(Buffer.from(line))
      if (document !== null) this.#readDocument(document)
    }
  }

  #readDocument(document: object): void {
    this.#lines += 1
    for (const { field, text, admission } of this.#observer.observe(document)) {
      const known = this.#seen.get(field)
      if (known) known.values += 1
      else this.#seen.set(field, { spaces: admission.spaces, values: 1, example: text })
    }
    for (const name of textFields(document, '')) {
      this.#others.set(name, (this.#others.get(name) ?? 0) + 1)
    }
  }

  #notLookedUp(): string[] {
    return [...this.#others.keys()].filter((name) => !this.#seen.has(name)).sort()
  }

  document(): object {
    return {
      lines: this.#lines,
      fields: [...this.#seen].map(([field, { spaces, values, example }]) => ({
        field,
        looked_up_as: [...spaces],
        values,
        example,
      })),
      not_looked_up: this.#notLookedUp(),
    }
  }

  report(): string[] {
    const rows = [...this.#seen].map(([field, { spaces, values, example }]) => [
      printable(field),
      [...spaces].join(' '),
      count(values, 'value'),
      printable(example.slice(0, LONGEST_EXAMPLE)),
    ])
    const others = this.#notLookedUp()
    const told = others.slice(0, MOST_OTHERS).map(printable).join(', ')
    const more = others.length > MOST_OTHERS ? ` and ${others.length - MOST_OTHERS} more` : ''
    return [
      `${count(this.#lines, 'line')} of JSON; looked up:`,
      ...(rows.length > 0 ? table(rows, '  ') : ['  nothing: is it the right --preset?']),
      ...(others.length > 0 ? [`Text that is not looked up: ${told}${more}`] : []),
    ]
  }
}

function textFields(value: unknown, path: string): string[] {
  if (typeof value === 'string') return [path]
  if (Array.isArray(value)) return value.flatMap((item) => textFields(item, path))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    textFields(inner, path === '' ? key : `${path}.${key}`),
  )
}
