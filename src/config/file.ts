/** Which file is the config, and its text. */
import { isUtf8 } from 'node:buffer'
import { readFile, stat } from 'node:fs/promises'
import { ConfigError, type ConfigProblem, type ErrorFacts } from '../errors.js'
import { printable } from '../log.js'
import type { Environment } from './environment.js'

const DEFAULT_FILES = ['tipline.yml', 'tipline.yaml'] as const
const LARGEST_CONFIG = 512_000
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

export interface ConfigFile {
  /** As the user named it, for messages. */
  readonly file: string
  readonly text: string
}

/**
 * `path` (from `-c`), else $TIPLINE_CONFIG, else ./tipline.yml, else ./tipline.yaml.
 * @throws ConfigError
 */
export async function readConfigFile(
  path: string | undefined,
  env: Environment,
): Promise<ConfigFile> {
  const named = path ?? (env.TIPLINE_CONFIG || undefined)
  for (const file of named === undefined ? DEFAULT_FILES : [named]) {
    const bytes = await readBytes(file)
    if (bytes) return { file, text: decode(file, bytes) }
  }
  throw notFound(named, path === undefined)
}

function notFound(named: string | undefined, fromEnvironment: boolean): ConfigError {
  if (named === undefined) {
    return unusable(DEFAULT_FILES[0], {
      what: 'no config found: -c is not given, $TIPLINE_CONFIG is not set, and neither tipline.yml nor tipline.yaml is in this folder',
      hint: 'examples/tipline.yml is the shortest there can be; tipline config --help tells more',
    })
  }
  const by = fromEnvironment ? '$TIPLINE_CONFIG' : '-c'
  return unusable(named, {
    what: `${by} names a file that does not exist`,
    hint: 'tipline config --help tells where a config is looked for',
  })
}

async function readBytes(file: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(file)
    if (size <= LARGEST_CONFIG) return await readFile(file)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw unusable(file, { what: `the file can not be read (${code ?? 'unknown'})`, cause })
  }
  throw unusable(file, {
    what: `the file is larger than ${LARGEST_CONFIG} bytes`,
    hint: 'is it a config at all? Long lists belong in files of their own',
  })
}

function decode(file: string, bytes: Buffer): string {
  const text = utf8(bytes)
  if (text === undefined) {
    throw unusable(file, { what: 'the file is not a text in UTF-8', hint: 'save it as UTF-8' })
  }
  const control = CONTROL.exec(text)
  if (!control) return text
  const before = text.slice(0, control.index).split('\n')
  const place = { line: before.length, column: before.at(-1)!.length + 1 }
  throw unusable(file, {
    what: `the file holds the control character ${printable(control[0])}`,
    place,
  })
}

function utf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? new TextDecoder().decode(bytes) : undefined
}

interface Unusable extends ErrorFacts {
  readonly place?: { readonly line: number; readonly column: number }
}

function unusable(file: string, { place, ...facts }: Unusable): ConfigError {
  const { what: message, hint } = facts
  const problem: ConfigProblem = { ...place, message, ...(hint !== undefined && { hint }) }
  const what = `the config ${printable(file)} can not be used: ${message}`
  return new ConfigError({ ...facts, what, file, problems: [problem] })
}
