/** Writes a config in tipline's own form, with the same meaning; secrets go to the environment. */
import { basename, dirname, isAbsolute, relative } from 'node:path'
import { Document, isMap, isScalar } from 'yaml'
import { printable } from '../log.js'
import { withoutDefaults } from './defaults.js'
import { asSchema } from './keys.js'
import type { LoadedConfig } from './load.js'
import { MISP2CH_COMMENTS } from './misp2ch.js'
import { LEGACY_COMMENTS } from './misp2memcached.js'
import { mapStrings, type Path } from './path.js'
import { configJsonSchema, mapPaths } from './schema.js'
import { isSecretPath, replaceSecrets } from './secrets.js'

/** `tipline.yml` as a text; its place is beside the file that was loaded. */
export function migrateConfig(loaded: LoadedConfig): string {
  const variables = new Map<string, string>()
  const settings = replaceSecrets(escaped(settingsOf(loaded)), (secret, path) => {
    const name = unusedName(variableName(path, loaded), secret, variables)
    variables.set(name, secret)
    return `\${${name}}`
  })
  const document = new Document(settings)
  document.commentBefore = heading(loaded, [...variables.keys()])
  for (const [path, comment] of comments(loaded)) annotate(document, path, comment)
  return document.toString({ lineWidth: 100 })
}

/** In the form of the file: without defaults, with paths relative to it. */
function settingsOf({ file, dataDir, ...loaded }: LoadedConfig): unknown {
  const {
    format: _format,
    warnings: _warnings,
    notes: _notes,
    secrets: _secrets,
    ...parts
  } = loaded
  const config = { data_dir: dataDir, ...parts }
  const own = mapPaths(config, (path) => pathFrom(dirname(file), path))
  return withoutDefaults(own, configJsonSchema())
}

function pathFrom(folder: string, path: string): string {
  const from = relative(folder, path)
  return from.startsWith('..') || isAbsolute(from) ? path : `./${from}`
}

/** A plain `${` must not be taken for a variable when it is read again. */
function escaped(settings: unknown): unknown {
  return mapStrings(settings, (text) => text.replaceAll('${', () => '$${'))
}

/** `MISP_KEY` for the key of the source `misp`. */
function variableName(path: Path, { sources }: LoadedConfig): string {
  const [part, index, ...rest] = path
  const owner = part === 'sources' ? [sources[Number(index)]?.name, ...rest] : path
  const isUrl = !isSecretPath(path)
  const name = [...owner, ...(isUrl ? ['password'] : [])].join('_').toUpperCase()
  return name.replaceAll(/[^A-Z0-9_]/g, '_').replace(/^(?=\d)/, '_')
}

function unusedName(name: string, secret: string, taken: ReadonlyMap<string, string>): string {
  for (let number = 1; ; number++) {
    const numbered = number === 1 ? name : `${name}_${number}`
    if ((taken.get(numbered) ?? secret) === secret) return numbered
  }
}

function heading({ file, format, notes }: LoadedConfig, variables: readonly string[]): string {
  const tool = format === 'tipline' ? '' : `, a config of ${TOOLS[format]}`
  return [
    ` Made by \`tipline config migrate\` from ${printable(basename(file))}${tool}.`,
    ...(variables.length > 0 ? [' Set these in the environment of tipline:'] : []),
    ...variables.map((name) => `   ${name}=...`),
    ...notes.map((note) => ` Note: ${printable(note)}.`),
  ].join('\n')
}

const TOOLS = { misp2memcached: 'MISP2memcached', misp2ch: 'misp2clickhouse' } as const

/** A line above each section, and above what another tool's config left unsaid. */
function comments({ format }: LoadedConfig): (readonly [Path, string])[] {
  const sections = Object.entries(configJsonSchema().properties ?? {}).map(
    ([key, section]) => [[key], asSchema(section).description ?? ''] as const,
  )
  if (format === 'tipline') return sections
  return [...sections, ...(format === 'misp2ch' ? MISP2CH_COMMENTS : LEGACY_COMMENTS)]
}

function annotate(document: Document, path: Path, comment: string): void {
  const owner = document.getIn(path.slice(0, -1), true)
  if (!isMap(owner)) return
  const key = owner.items
    .map((pair) => pair.key)
    .find((k) => isScalar(k) && k.value === path.at(-1))
  if (!isScalar(key)) return
  key.commentBefore = ` ${comment}`
  key.spaceBefore = path.length === 1 && owner.items[0]?.key !== key
}
