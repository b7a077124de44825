/** How a fault found by zod is told: what was expected, what was found, in the words of YAML. */
import type { z } from 'zod'
import { printable } from '../log.js'

type Fault = z.core.$ZodRawIssue

/** What zod then says of a union whose schema has no message of its own. */
export const NO_WORDS = ''

/** For zod's `error` option: messages that a schema gives itself go before these. */
export function expectation(fault: Fault): string | undefined {
  switch (fault.code) {
    case 'invalid_type':
      return `expected ${nounOf(String(fault.expected))}`
    case 'invalid_value':
      return `expected ${oneOf(fault.values as unknown[])}`
    case 'invalid_format':
      return `expected ${formatNoun(fault)}`
    case 'too_small':
      return tooSmall(fault)
    case 'too_big':
      return `expected at most ${amount(fault, fault.maximum)}`
    case 'not_multiple_of':
      return `expected a multiple of ${fault.divisor}`
    case 'invalid_union':
      return NO_WORDS
    default:
      return undefined
  }
}

/** What was expected, and what is there instead. */
export function expectedFound(expected: string, input: unknown, secret: boolean): string {
  if (input === undefined) return `missing; ${expected}`
  return `${expected}, found ${found(input, secret)}`
}

const NOUNS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  null: 'nothing',
}

export function nounOf(type: string): string {
  return NOUNS[type] ?? type
}

/** Secrets, longer texts, and those that look like a token, are told by their length. */
const LONGEST_SHOWN = 60
const LIKE_A_TOKEN = /[A-Za-z0-9]{16}/

function found(input: unknown, secret: boolean): string {
  if (input === null || typeof input === 'object') return kindOf(input)
  if (typeof input !== 'string') return secret ? kindOf(input) : String(input)
  if (input !== '' && (secret || isLikeSecret(input)))
    return `a text of ${characters(input.length)}`
  return printable(JSON.stringify(input))
}

function isLikeSecret(text: string): boolean {
  return text.length > LONGEST_SHOWN || LIKE_A_TOKEN.test(text) || text.includes('@')
}

function kindOf(input: unknown): string {
  if (input === null) return 'nothing'
  if (Array.isArray(input))
    return input.length === 0 ? 'an empty list' : `a list of ${input.length}`
  return nounOf(typeof input)
}

export function oneOf(values: readonly unknown[]): string {
  const words = values.filter((value) => value !== undefined).map(String)
  const last = words.pop() ?? ''
  return words.length === 0 ? last : `${words.join(', ')} or ${last}`
}

function formatNoun(fault: Fault): string {
  if (fault.format === 'url') return 'a URL'
  if (fault.format === 'regex') return `a text of the form ${String(fault.pattern)}`
  return `a text of the form ${String(fault.format)}`
}

function tooSmall(fault: Fault): string {
  if (Number(fault.minimum) === 1 && fault.origin === 'string') return 'expected some text'
  if (Number(fault.minimum) === 1 && fault.origin === 'array') return 'expected at least one item'
  const bound = fault.inclusive === false ? 'more than' : 'at least'
  return `expected ${bound} ${amount(fault, fault.minimum)}`
}

function amount(fault: Fault, bound: unknown): string {
  if (fault.origin === 'string') return characters(Number(bound))
  if (fault.origin === 'array') return `${bound} items`
  return String(bound)
}

function characters(count: number): string {
  return count === 1 ? '1 character' : `${count} characters`
}
