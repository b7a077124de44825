/**
 * Where a config's ledger is, found without checking the rest of it: whoever only reads the ledger
 * need not wait for that. This file loads little, and is to go on doing so.
 */
import { basename, dirname, extname, resolve } from 'node:path'
import { type Environment, substituteEnvironment } from './environment.js'
import { readConfigFile } from './file.js'
import { isRecord } from './path.js'
import { parseYaml } from './yaml.js'

/**
 * The absolute data folder of the config that `loadConfig` would find; undefined where it takes the
 * whole of `loadConfig` to say (or what is wrong). @throws ConfigError
 */
export async function findDataDir(
  path: string | undefined,
  env: Environment,
): Promise<string | undefined> {
  const { file, text } = await readConfigFile(path, env)
  const parsed = parseYaml(text)
  const dataDir = parsed.ok ? dataDirIn(parsed.tree.data, { file, env }) : undefined
  return dataDir === undefined ? undefined : resolve(dirname(file), dataDir)
}

/** Two of its sections and none of ours: one may be missing or mistyped, which is then told. */
export function isMisp2memcached(data: unknown): boolean {
  if (!isRecord(data) || OURS.some((key) => Object.hasOwn(data, key))) return false
  return LEGACY_SECTIONS.filter((key) => isRecord(data[key])).length >= 2
}

/** `./<name of the config without extension>.tipline-data` beside it. */
export function legacyDataDir(file: string): string {
  return `./${basename(file, extname(file))}.tipline-data`
}

export const DEFAULT_DATA_DIR = './tipline-data'

const OURS = ['data_dir', 'sources', 'sinks', 'policy', 'guard', 'log']
const LEGACY_SECTIONS = ['memcached', 'misp', 'hash', 'network', 'web']

function dataDirIn(
  data: unknown,
  { file, env }: { file: string; env: Environment },
): string | undefined {
  if (isMisp2memcached(data)) return legacyDataDir(file)
  if (!isRecord(data)) return undefined
  const { data: found, problems } = substituteEnvironment(data.data_dir ?? DEFAULT_DATA_DIR, env)
  return typeof found === 'string' && problems.length === 0 ? found : undefined
}
