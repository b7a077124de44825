/** Reads a config, of ours or of a tool that tipline takes over from, and checks all of it. */
import { dirname, resolve } from 'node:path'
import { ConfigError, type ConfigProblem } from '../errors.js'
import { printable } from '../log.js'
import type { ConfigFormat, Draft } from './draft.js'
import { type Environment, substituteEnvironment } from './environment.js'
import { readConfigFile } from './file.js'
import { moveFormer } from './former.js'
import { isIni, parseIni } from './ini.js'
import { readMisp2ch } from './misp2ch.js'
import { readMisp2memcached } from './misp2memcached.js'
import { isMisp2memcached } from './place.js'
import { problemsOfIssues, tellProblems } from './problems.js'
import { type Config, configJsonSchema, configSchema, mapPaths } from './schema.js'
import { collectSecrets, readSecretFiles } from './secrets.js'
import { expectation } from './wording.js'
import { type ConfigTree, parseYaml, type ScalarMode } from './yaml.js'

export interface LoadedConfig extends Omit<Config, 'data_dir'> {
  /** The config file as it was named. */
  readonly file: string
  readonly format: ConfigFormat
  /** Absolute. */
  readonly dataDir: string
  /** What is no error, but should be known: one sentence each. */
  readonly warnings: readonly string[]
  /** What of another tool's config has no counterpart, or another meaning: one sentence each. */
  readonly notes: readonly string[]
  /** What must never be written to a log: keys, passwords. */
  readonly secrets: readonly string[]
}

/**
 * Finds the config (`path` from `-c`, else $TIPLINE_CONFIG, else ./tipline.yml or ./tipline.yaml),
 * reads it and what it refers to. @throws ConfigError with every problem found
 */
export async function loadConfig(
  path: string | undefined,
  env: Environment,
): Promise<LoadedConfig> {
  const { file, text } = await readConfigFile(path, env)
  return parseConfig(text, { file, env })
}

/** The same for a text that stands, or could stand, in `file`. */
export async function parseConfig(
  text: string,
  { file, env }: { file: string; env: Environment },
): Promise<LoadedConfig> {
  if (isIni(text)) return check(readIni(text, file), file)
  const tree = treeOf(text, { file, scalars: 'typed' })
  const draft = isMisp2memcached(tree.data)
    ? readMisp2memcached(treeOf(text, { file, scalars: 'text' }), file)
    : await readTipline(tree, { file, env })
  return check(draft, file)
}

/** The only INI file that is known is misp2ch's. */
function readIni(text: string, file: string): Draft {
  const parsed = parseIni(text)
  if (!parsed.ok) throw configError(file, parsed.problems)
  return readMisp2ch(parsed, file)
}

function treeOf(text: string, { file, scalars }: { file: string; scalars: ScalarMode }) {
  const parsed = parseYaml(text, scalars)
  if (!parsed.ok) throw configError(file, parsed.problems)
  if (parsed.tree.data !== undefined && parsed.tree.data !== null) return parsed.tree
  const hint = 'examples/tipline.yml is the shortest there can be'
  throw configError(file, [{ line: 1, column: 1, message: 'the config is empty', hint }])
}

async function readTipline(
  tree: ConfigTree,
  { file, env }: { file: string; env: Environment },
): Promise<Draft> {
  const { data: given, problems, values } = substituteEnvironment(tree.data, env)
  const files = await readSecretFiles(given, file)
  const { data, ...moved } = moveFormer(given)
  return {
    format: 'tipline',
    tree,
    data,
    problems: [...problems, ...files.problems, ...moved.problems],
    warnings: [...files.warnings, ...moved.warnings],
    notes: [],
    hidden: values,
    origin: moved.origin,
  }
}

function check(draft: Draft, file: string): LoadedConfig {
  const { data, format, tree, warnings, notes } = draft
  const secrets = collectSecrets(data)
  const parsed = (given: unknown) => configSchema.safeParse(given, { error: expectation })
  const result = parsed(data)
  if (draft.problems.length > 0 || !result.success) {
    const untold = data === undefined && draft.problems.length > 0
    const issues = untold ? [] : (result.error?.issues ?? [])
    const check = (given: unknown) => parsed(given).error?.issues ?? []
    const found = problemsOfIssues({ issues, data, check, jsonSchema: configJsonSchema })
    const here = found.map((problem) => ({ ...problem, path: draft.origin(problem.path) }))
    const hidden = [...secrets, ...draft.hidden]
    throw configError(file, tellProblems([...draft.problems, ...here], { tree, secrets: hidden }))
  }
  const folder = dirname(file)
  const { data_dir, ...config } = mapPaths(result.data, (path) => resolve(folder, path))
  return { ...config, file, format, dataDir: data_dir, warnings, notes, secrets }
}

function configError(file: string, problems: readonly ConfigProblem[]): ConfigError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  return new ConfigError({ what: `the config ${printable(file)} has ${count}`, file, problems })
}
