/** `${NAME}` in a text of the config stands for an environment variable; `$${` is a plain `${`. */
import { type LocatedProblem, mapStrings, type Path, showKey } from './path.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Substituted {
  readonly data: unknown
  readonly problems: readonly LocatedProblem[]
  /** What came in from the environment: kept out of messages, whatever it is. */
  readonly values: readonly string[]
}

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

export function substituteEnvironment(data: unknown, env: Environment): Substituted {
  const problems: LocatedProblem[] = []
  const values: string[] = []
  const substituted = mapStrings(data, (text, path) =>
    text.replace(REFERENCE, (reference: string, name?: string, end?: string) => {
      if (name === undefined) return '${'
      const value = end === '}' ? lookUp(env, name) : undefined
      if (value) values.push(value)
      else problems.push(problemWith({ name, closed: end === '}', env, path }))
      return value ?? reference
    }),
  )
  return { data: substituted, problems, values }
}

function lookUp(env: Environment, name: string): string | undefined {
  return NAME.test(name) && Object.hasOwn(env, name) ? env[name] : undefined
}

interface Reference {
  readonly name: string
  readonly closed: boolean
  readonly env: Environment
  readonly path: Path
}

function problemWith({ name, closed, env, path }: Reference): LocatedProblem {
  if (!closed || !NAME.test(name)) {
    const hint = `write \${NAME} for an environment variable, $\${ for the characters themselves`
    return { path, message: `\${ without a variable name and }`, hint }
  }
  const state = lookUp(env, name) === undefined ? 'not set' : 'empty'
  return { path, message: `the environment variable ${showKey(name)} is ${state}` }
}
