/**
 * Regular expressions without backtracking (Thompson's construction): lists are foreign text, values
 * are written by attackers, and together they must not be able to stop a sync. A match takes at most
 * length of the text times size of the pattern.
 */
import {
  type Assertion,
  type CharTest,
  type Node,
  PatternRefused,
  parsePattern,
} from './pattern-parser.js'

type Instruction =
  | { readonly op: 'char'; readonly test: CharTest }
  | { readonly op: 'assert'; readonly assertion: Assertion }
  /** Goes on at both places; `jump` has one. */
  | { readonly op: 'split'; readonly targets: number[] }
  | { readonly op: 'match' }

/** A repetition is spelled out, so `(a{1000}){1000}` would be a million. */
const LARGEST_PROGRAM = 2000

/** What of a text a pattern sees. */
export const LONGEST_TEXT = 2048

export class Pattern {
  readonly #program: readonly Instruction[]
  /** By instruction: the step at which it was last added. */
  readonly #added: Uint32Array
  #step = 0

  /** @throws PatternRefused */
  constructor(text: string) {
    this.#program = new Compiler().compile(parsePattern(text))
    this.#added = new Uint32Array(this.#program.length)
  }

  /** Whether the pattern is found anywhere in the first `LONGEST_TEXT` characters. */
  test(text: string): boolean {
    const end = Math.min(text.length, LONGEST_TEXT)
    let threads: number[] = []
    for (let at = 0; at <= end; at++) {
      const place = { text, at, end }
      this.#nextStep()
      const now: number[] = []
      for (const thread of threads) if (this.#follow(thread, place, now)) return true
      if (this.#follow(0, place, now)) return true
      threads = at < end ? this.#consume(now, text.charCodeAt(at)) : []
    }
    return false
  }

  #consume(threads: readonly number[], code: number): number[] {
    const moved: number[] = []
    for (const thread of threads) {
      const instruction = this.#program[thread]
      if (instruction?.op === 'char' && instruction.test(code)) moved.push(thread + 1)
    }
    return moved
  }

  /** Adds what can be reached without taking a character; true when that is the end. */
  #follow(from: number, place: Place, threads: number[]): boolean {
    const open = [from]
    for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
      if (this.#added[pc] === this.#step) continue
      this.#added[pc] = this.#step
      const instruction = this.#program[pc] as Instruction
      if (instruction.op === 'match') return true
      if (instruction.op === 'char') threads.push(pc)
      else if (instruction.op === 'split') open.push(...instruction.targets)
      else if (holds(instruction.assertion, place)) open.push(pc + 1)
    }
    return false
  }

  #nextStep(): void {
    this.#step += 1
    if (this.#step < 0xffff_ffff) return
    this.#added.fill(0)
    this.#step = 1
  }
}

interface Place {
  readonly text: string
  readonly at: number
  readonly end: number
}

function holds(assertion: Assertion, { text, at, end }: Place): boolean {
  if (assertion === 'start') return at === 0
  if (assertion === 'end') return at === end
  const boundary = isWord(text, at - 1, end) !== isWord(text, at, end)
  return boundary === (assertion === 'boundary')
}

function isWord(text: string, at: number, end: number): boolean {
  return at >= 0 && at < end && /\w/.test(text[at] as string)
}

/** Also counts the work, because repeating nothing takes time and makes no instruction. */
class Compiler {
  readonly #program: Instruction[] = []
  #work = 0

  compile(node: Node): readonly Instruction[] {
    this.#emit(node)
    this.#program.push({ op: 'match' })
    return this.#program
  }

  #emit(node: Node): void {
    this.#work += 1
    if (this.#work > LARGEST_PROGRAM) throw new PatternRefused('repeats too much')
    switch (node.type) {
      case 'char':
        this.#program.push({ op: 'char', test: node.test })
        return
      case 'assertion':
        this.#program.push({ op: 'assert', assertion: node.assertion })
        return
      case 'sequence':
        for (const part of node.nodes) this.#emit(part)
        return
      case 'choice':
        this.#choice(node.nodes)
        return
      case 'repeat':
        this.#repeat(node)
    }
  }

  #choice(nodes: readonly Node[]): void {
    const fork = this.#split()
    const ends = nodes.map((node) => {
      fork.push(this.#program.length)
      this.#emit(node)
      return this.#split()
    })
    for (const end of ends) end.push(this.#program.length)
  }

  #repeat({ node, min, max }: { node: Node; min: number; max: number }): void {
    for (let i = 0; i < min; i++) this.#emit(node)
    if (max === Number.POSITIVE_INFINITY) this.#loop(node)
    else this.#optional(node, max - min)
  }

  #loop(node: Node): void {
    const start = this.#program.length
    const fork = this.#split()
    fork.push(start + 1)
    this.#emit(node)
    this.#split().push(start)
    fork.push(this.#program.length)
  }

  #optional(node: Node, times: number): void {
    const forks: number[][] = []
    for (let i = 0; i < times; i++) {
      const fork = this.#split()
      fork.push(this.#program.length)
      forks.push(fork)
      this.#emit(node)
    }
    for (const fork of forks) fork.push(this.#program.length)
  }

  /** The targets of a new fork, to be filled in. */
  #split(): number[] {
    const targets: number[] = []
    this.#program.push({ op: 'split', targets })
    return targets
  }
}
