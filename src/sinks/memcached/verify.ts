/** Compares what servers hold with what they are to hold, and measures what that takes of their memory. */
import { lookupKeys } from '../../indicators/keys.js'
import { type Content, lapses } from '../layout/contents.js'
import type { KeyState, Verification } from '../sink.js'
import type { Member } from './member.js'
import type { Placement } from './placement.js'
import { itemBytes } from './slab.js'

export interface Question {
  readonly states: readonly KeyState[]
  readonly members: readonly Member[]
  readonly placement: Placement
  readonly contents: (state: KeyState, now: number) => Content
  /** Epoch seconds. */
  readonly now: number
}

/** What one server was found to hold of its share. */
export interface Tally {
  missing: number
  different: number
  /** Memory that its share of the states takes. */
  bytes: number
}

export interface Parity {
  /** States that no server could be asked for are not counted. */
  readonly whole: Verification
  readonly tallies: ReadonlyMap<Member, Tally>
}

type Verdict = 'same' | 'missing' | 'different'

/** The worse one counts for the state. */
const GRAVITY: Readonly<Record<Verdict, number>> = { same: 0, missing: 1, different: 2 }

export async function parity(question: Question): Promise<Parity> {
  const shares = sharesOf(question)
  const verdicts: (Verdict | undefined)[] = question.states.map(({ space, value }) =>
    lookupKeys(space, value).length === 0 ? 'same' : undefined,
  )
  const tallies = new Map<Member, Tally>()
  for (const { member, found } of await ask(question.members, shares)) {
    const tally = { missing: 0, different: 0, bytes: 0 }
    tallies.set(member, tally)
    const bytesOf = itemBytes(member.connection!.server.slabs)
    for (const [n, { key, at, content }] of shares.get(member)!.entries()) {
      const verdict = compare(content.value, found[n]!, { question, at })
      if (verdict !== 'same') tally[verdict]++
      if (content.value !== null) tally.bytes += bytesOf(key.length, content.value.length)
      const before = verdicts[at]
      if (!before || GRAVITY[verdict] > GRAVITY[before]) verdicts[at] = verdict
    }
  }
  const count = (of: Verdict | undefined) => verdicts.filter((verdict) => verdict === of).length
  const checked = verdicts.length - count(undefined)
  return { whole: { checked, missing: count('missing'), different: count('different') }, tallies }
}

interface Expected {
  readonly key: string
  /** The place of its state. */
  readonly at: number
  readonly content: Content
}

export function sharesOf({ states, members, placement, contents, now }: Question) {
  const shares = new Map<Member, Expected[]>(members.map((member) => [member, []]))
  for (const [at, state] of states.entries()) {
    const content = contents(state, now)
    for (const key of lookupKeys(state.space, state.value)) {
      for (const n of placement(key)) shares.get(members[n]!)!.push({ key, at, content })
    }
  }
  return shares
}

/** Those who are there, all at once. */
async function ask(members: readonly Member[], shares: ReadonlyMap<Member, readonly Expected[]>) {
  const answers = members.map(async (member) => {
    const keys = shares.get(member)!.map(({ key }) => key)
    const found = await member.attempt(async () => member.connection?.node.get(keys))
    return found && { member, found }
  })
  return (await Promise.all(answers)).filter((answer) => answer !== undefined)
}

function compare(
  wanted: string | null,
  found: Buffer | null,
  { question, at }: { question: Question; at: number },
): Verdict {
  const text = found === null ? null : found.toString('latin1')
  if (text === wanted) return 'same'
  const { states, contents, now } = question
  // Nobody rewrites a value when one of its carriers lapses, and a clock's second is no fault.
  if (lapses(states[at]!, contents, now).includes(text)) return 'same'
  return text === null ? 'missing' : 'different'
}
