/** From zod's issues to problems that name line, column, key, what was expected and what was found. */
import type { z } from 'zod'
import type { ConfigProblem } from '../errors.js'
import { maskSecrets } from '../log.js'
import { type JsonSchema, keysAt, ownersOf } from './keys.js'
import { nearest } from './nearest.js'
import { dotted, type LocatedProblem, type Path, replaced, valueAt } from './path.js'
import { isSecretPath } from './secrets.js'
import { expectedFound, NO_WORDS, nounOf, oneOf } from './wording.js'
import type { ConfigTree } from './yaml.js'

type Issue = z.core.$ZodIssue

export interface Faulty {
  readonly issues: readonly Issue[]
  readonly data: unknown
  /** What the same schema says of other data. */
  readonly check: (data: unknown) => readonly Issue[]
  /** Made only when something is wrong. */
  readonly jsonSchema: () => JsonSchema
}

export function problemsOfIssues({ issues, ...faulty }: Faulty): LocatedProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, { ...faulty, prefix: [] }))
}

interface Context extends Omit<Faulty, 'issues'> {
  readonly prefix: Path
}

function problemsOf(issue: Issue, context: Context): LocatedProblem[] {
  const path = [...context.prefix, ...issue.path.map(step)]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, context))
    case 'invalid_union':
      return union(issue, path, context)
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? 'unknown key', atKey: true }]
    case 'custom':
      // What is wrong with a mapping or list as a whole is not that it is one.
      if (typeof valueAt(context.data, path) === 'object') return [{ path, message: issue.message }]
      if (issue.params) return [{ path, message: issue.message, ...meant(issue.params) }]
      return [{ path, message: withFound(issue.message, path, context) }]
    default:
      return refused(issue.message, path, { ...context, isText: isTextExpected(issue) })
  }
}

/** A schema that refuses a word inside a text tells it, and those that it knows, in `params`. */
function meant({ wrote, known }: Record<string, unknown>): { hint?: string } {
  const words = known as readonly string[]
  const word = nearest(wrote as string, words)
  if (word !== undefined) return { hint: `did you mean ${word}?` }
  if (words.length === 0 || words.length > MOST_LISTED) return {}
  return { hint: `known are ${words.join(', ')}` }
}

const MOST_LISTED = 25

/**
 * YAML reads a key of digits as a number, and `no` in older files as false. Quotes help, unless the text
 * would be refused too: then what is expected of that is the better word.
 */
function refused(
  expected: string,
  path: Path,
  { isText, ...context }: Context & { isText: boolean },
): LocatedProblem[] {
  const { data, check } = context
  const value = valueAt(data, path)
  const problem = { path, message: withFound(expected, path, context) }
  if (!isText || !['number', 'boolean'].includes(typeof value)) return [problem]
  const again = check(replaced(data, path, String(value))).find(({ path: at }) => isSame(at, path))
  if (again) return problemsOf(again, { ...context, prefix: [] })
  return [{ ...problem, hint: 'put it in quotes' }]
}

function withFound(message: string, path: Path, { data }: Context): string {
  return expectedFound(message, valueAt(data, path), isSecretPath(path))
}

function unknownKey(key: string, path: Path, { data, jsonSchema }: Context): LocatedProblem {
  const problem = { path: [...path, key], message: 'unknown key', atKey: true }
  const known = keysAt(jsonSchema(), path, data)
  const meant = nearest(key, known)
  if (meant !== undefined) return { ...problem, hint: `did you mean "${meant}"?` }
  const here = path.filter((step) => typeof step === 'string').join('.')
  // Elsewhere a key of this name may mean something else.
  const owner = ownersOf(jsonSchema(), key).find((each) => isBelow(each, here))
  if (owner !== undefined) return { ...problem, hint: `it belongs under ${owner}` }
  return known.length > 0 ? { ...problem, hint: `known are ${known.join(', ')}` } : problem
}

function union(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  context: Context,
): LocatedProblem[] {
  if (issue.message !== NO_WORDS) {
    return [{ path, message: withFound(issue.message, path, context) }]
  }
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : undefined
  if (options) return [{ path, message: withFound(`expected ${oneOf(options)}`, path, context) }]
  const branches = issue.errors.filter((branch) => branch.length > 0)
  const firsts = branches.map(([first]) => first!)
  const words = firsts.map((first) => wordsExpected(first))
  if (words.every((each) => each !== undefined)) {
    const isText = firsts.some(isTextExpected)
    return refused(`expected ${oneOf([...new Set(words.flat())])}`, path, { ...context, isText })
  }
  return closest(branches).flatMap((inner) => problemsOf(inner, { ...context, prefix: path }))
}

/** What was expected of the value itself; undefined where a fault lies in it. */
function wordsExpected(issue: Issue): unknown[] | undefined {
  if (issue.path.length > 0) return undefined
  if (issue.code === 'invalid_value') return issue.values
  return issue.code === 'invalid_type' ? [nounOf(issue.expected)] : undefined
}

function isTextExpected(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.expected === 'string'
}

function typeExpected(issue: Issue): string | undefined {
  return issue.code === 'invalid_type' && issue.path.length === 0 ? issue.expected : undefined
}

/** The option that got furthest: its type was right, or its faults lie deepest. */
function closest(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const depth = (branch: readonly Issue[]) =>
    Math.max(...branch.map((issue) => (typeExpected(issue) ? -1 : issue.path.length)))
  return [...branches].sort((a, b) => depth(b) - depth(a))[0] ?? []
}

function step(key: PropertyKey): string | number {
  return typeof key === 'number' ? key : String(key)
}

function isSame(found: readonly PropertyKey[], path: Path): boolean {
  return found.length === path.length && path.every((each, at) => each === step(found[at]!))
}

/** `owner`: the dotted name of a mapping. */
function isBelow(owner: string, here: string): boolean {
  return here === '' || owner.startsWith(`${here}.`)
}

export interface Telling {
  readonly tree: ConfigTree
  readonly secrets: readonly string[]
}

/** Adds the places, masks the secrets, drops what is said twice, and orders by line. */
export function tellProblems(
  problems: readonly LocatedProblem[],
  { tree, secrets }: Telling,
): ConfigProblem[] {
  const settled = new Set<string>()
  const told: ConfigProblem[] = []
  for (const { path, message, hint, atKey, about } of problems) {
    if (settled.has(id(path, atKey))) continue
    settled.add(id(path, atKey))
    if (about) settled.add(id(about, false))
    const at = atKey ? tree.keyPlaceOf(path) : tree.placeOf(path)
    told.push({
      ...at,
      ...(path.length > 0 && { key: dotted(path) }),
      message: mask(message, secrets),
      ...(hint !== undefined && { hint: mask(hint, secrets) }),
    })
  }
  return told.sort((a, b) => a.line! - b.line! || a.column! - b.column!)
}

function id(path: Path, atKey = false): string {
  return JSON.stringify([path, atKey])
}

/** A quoted value is masked even where it is too short for the general mask. */
function mask(text: string, secrets: readonly string[]): string {
  const unquoted = secrets.reduce(
    (masked, secret) => masked.replaceAll(JSON.stringify(secret), '[secret]'),
    text,
  )
  return maskSecrets(unquoted, secrets)
}
