/**
 * Where the events of sources can be looked at by people. Whoever enriches logs needs this and the ledger
 * of a config, and nothing else: it often runs as another user, who may not read the keys of a MISP.
 */
import { type Environment, substituteEnvironment } from './environment.js'
import { readConfigFile } from './file.js'
import type { LoadedConfig } from './load.js'
import { isRecord } from './path.js'
import { isMisp2memcached } from './place.js'

/** By the names of sources. */
export type Links = Readonly<Record<string, string>>

export function linksOf(sources: LoadedConfig['sources']): Links {
  const links = sources.flatMap((source) =>
    source.type === 'misp' ? [[source.name, rootOf(source.link ?? source.url)] as const] : [],
  )
  return Object.fromEntries(links)
}

/** Links stand in log lines, alerts and answers: not with the user and password that a URL may hold. */
function rootOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname.replace(/\/+$/, '')}`
}

/**
 * The same, without checking the rest of the config; undefined where it takes `loadConfig` to say it, or
 * to say what is wrong. @throws ConfigError
 */
export async function findLinks(
  path: string | undefined,
  env: Environment,
): Promise<Links | undefined> {
  const { text } = await readConfigFile(path, env)
  const { parseYaml } = await import('./yaml.js')
  const parsed = parseYaml(text)
  if (!parsed.ok) return undefined
  const { data } = parsed.tree
  if (!isRecord(data) || isMisp2memcached(data) || !Array.isArray(data.sources)) return undefined
  const links = data.sources.map((source: unknown) => linkOf(source, env))
  if (links.includes(undefined)) return undefined
  return Object.fromEntries(links.flatMap((link) => (link ? [link] : [])))
}

/** null: it is no MISP. */
function linkOf(source: unknown, env: Environment): [string, string] | null | undefined {
  if (!isRecord(source) || typeof source.name !== 'string') return undefined
  if (source.type === 'feed') return null
  if (source.type !== undefined && source.type !== 'misp') return undefined
  const { data, problems } = substituteEnvironment(
    { name: source.name, link: source.link ?? source.url },
    env,
  )
  const { name, link } = data as { name: string; link: unknown }
  const isLink = typeof link === 'string' && /^https?:\/\//i.test(link) && URL.canParse(link)
  return isLink && problems.length === 0 ? [name, rootOf(link)] : undefined
}
