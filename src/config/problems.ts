/** From zod's issues to problems that name line, column, key, what was expected and what was found. */
import type { z } from 'zod'
import type { ConfigProblem } from '../errors.js'
import { maskSecrets } from '../log.js'
import { type JsonSchema, keysAt, ownersOf } from './keys.js'
import { nearest } from './nearest.js'
import { dotted, type LocatedProblem, type Path, valueAt } from './path.js'
import { isSecretPath } from './secrets.js'
import { expectedFound, NO_WORDS, nounOf, oneOf } from './wording.js'
import type { ConfigTree } from './yaml.js'

type Issue = z.core.$ZodIssue

export interface Faulty {
  readonly issues: readonly Issue[]
  readonly data: unknown
  /** Made only when something is wrong. */
  readonly jsonSchema: () => JsonSchema
}

export function problemsOfIssues({ issues, data, jsonSchema }: Faulty): LocatedProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, { data, jsonSchema, prefix: [] }))
}

interface Context {
  readonly data: unknown
  readonly jsonSchema: () => JsonSchema
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
      return [
        {
          path,
          message: withFound(issue.message, path, context),
          ...quoting(issue, path, context),
        },
      ]
  }
}

/** A schema that refuses a word inside a text tells it, and those that it knows, in `params`. */
function meant({ wrote, known }: Record<string, unknown>): { hint?: string } {
  const words = known as readonly string[]
  const word = nearest(wrote as string, words)
  if (word !== undefined) return { hint: `did you mean ${word}?` }
  return words.length === 0 ? {} : { hint: `known are ${words.join(', ')}` }
}

/** YAML reads a key of digits as a number, and `no` in older files as false. */
function quoting(issue: Issue, path: Path, { data }: Context): { hint?: string } {
  const isText = issue.code === 'invalid_type' && issue.expected === 'string'
  const plain = ['number', 'boolean'].includes(typeof valueAt(data, path))
  return isText && plain ? { hint: 'put it in quotes' } : {}
}

function withFound(message: string, path: Path, { data }: Context): string {
  return expectedFound(message, valueAt(data, path), isSecretPath(path))
}

function unknownKey(key: string, path: Path, { data, jsonSchema }: Context): LocatedProblem {
  const problem = { path: [...path, key], message: 'unknown key', atKey: true }
  const known = keysAt(jsonSchema(), path, data)
  const meant = nearest(key, known)
  if (meant !== undefined) return { ...problem, hint: `did you mean "${meant}"?` }
  const [owner] = ownersOf(jsonSchema(), key)
  // Of two that are alike, the other type may know it.
  const here = path.filter((step) => typeof step === 'string').join('.')
  if (owner !== undefined && owner !== here)
    return { ...problem, hint: `it belongs under ${owner}` }
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
  const types = branches.map((branch) => branch[0]!).map((first) => typeExpected(first))
  if (types.every((type) => type !== undefined)) {
    const expected = `expected ${oneOf([...new Set(types.map(nounOf))])}`
    return [{ path, message: withFound(expected, path, context) }]
  }
  return closest(branches).flatMap((inner) => problemsOf(inner, { ...context, prefix: path }))
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
