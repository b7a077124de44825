/**
 * Where a config's ledger is, found without checking the rest of it: whoever only reads the ledger
 * need not wait for that. This file loads little, and is to go on doing so: reading YAML takes longer
 * than a lookup among a million indicators, and checking the config longer still.
 */
import { basename, dirname, extname, resolve } from 'node:path'
import { type Environment, substituteEnvironment } from './environment.js'
import { readConfigFile } from './file.js'
import { isRecord } from './path.js'

/**
 * The absolute data folder of the config that `loadConfig` would find; undefined where it takes the
 * whole of `loadConfig` to say it, or to say what is wrong. @throws ConfigError
 */
export async function findDataDir(
  path: string | undefined,
  env: Environment,
): Promise<string | undefined> {
  const { file, text } = await readConfigFile(path, env)
  if (INI.test(text)) return resolve(dirname(file), legacyDataDir(file))
  const dataDir = plainDataDir(text, file) ?? (await parsedDataDir(text, { file, env }))
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

const OURS = ['data_dir', 'sources', 'sinks', 'flows', 'policy', 'guard', 'keep', 'history', 'log']
const LEGACY_SECTIONS = ['memcached', 'misp', 'hash', 'network', 'web']

/** An INI file, which only misp2ch has: its first line that says anything is a section. */
const INI = /^\ufeff?(?:[ \t]*(?:[#;].*)?\r?\n)*\[/
/** A line at the left edge: comment, or plain key with what follows it. */
const EDGE = /^(?:#.*|([a-z_0-9]+):(?: +(.*))?)$/
/** A value that is a text to YAML too, whatever its version: a path of plain characters. */
const PLAIN_PATH = /^([\w.-]*\/[\w./-]*) *(?: #.*)?$/

/**
 * Read off the lines at the left edge, where a config is written as everybody writes it: there, YAML
 * allows nothing but further keys. Undefined where a line might mean something else.
 */
export function plainDataDir(text: string, file: string): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const top = new Map<string, { value: string; next: string }>()
  for (const [at, line] of lines.entries()) {
    if (line.startsWith(' ')) continue
    const match = EDGE.exec(line)
    const [, key, value = ''] = match ?? []
    if (!match || (key !== undefined && top.has(key))) return undefined
    if (key !== undefined) top.set(key, { value, next: lines[at + 1] ?? '' })
  }
  const dataDir = top.get('data_dir')
  // What stands further in below it would belong to the value.
  if (dataDir) return dataDir.next.startsWith(' ') ? undefined : PLAIN_PATH.exec(dataDir.value)?.[1]
  if (OURS.some((key) => top.has(key))) return DEFAULT_DATA_DIR
  const isSection = (key: string) => /^ +[a-z_]+: /.test(top.get(key)?.next ?? '')
  return LEGACY_SECTIONS.every(isSection) ? legacyDataDir(file) : undefined
}

async function parsedDataDir(
  text: string,
  { file, env }: { file: string; env: Environment },
): Promise<string | undefined> {
  const { parseYaml } = await import('./yaml.js')
  const parsed = parseYaml(text)
  if (!parsed.ok) return undefined
  const { data } = parsed.tree
  if (isMisp2memcached(data)) return legacyDataDir(file)
  if (!isRecord(data)) return undefined
  const { data: found, problems } = substituteEnvironment(data.data_dir ?? DEFAULT_DATA_DIR, env)
  return typeof found === 'string' && problems.length === 0 ? found : undefined
}
