/** `tipline logstash`: the pipeline and the script with which Logstash looks indicators up. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { LoadedConfig } from '../config/load.js'
import { EXIT, LedgerError, UsageError } from '../errors.js'
import { makeFolder, SHARED } from '../folder.js'
import { printable } from '../log.js'
import { ecsFields, type LookupField } from '../logstash/fields.js'
import { logstashFiles } from '../logstash/files.js'
import { readOwnFields } from '../logstash/own-fields.js'
import { reachOf } from '../logstash/reach.js'
import { servedBy } from '../logstash/settings.js'
import { parseDuration } from '../policy/duration.js'
import type { Context } from './context.js'
import { openBase } from './wiring.js'
import { count } from './words.js'

export interface LogstashOptions {
  readonly out: string
  /** `ecs`, or files. */
  readonly fields?: readonly string[]
  readonly installedIn?: string
  readonly staleAfter: string
  readonly mispFields?: boolean
}

export async function logstashCommand(context: Context, options: LogstashOptions): Promise<number> {
  const { config } = await openBase(context)
  const { memcached } = config.sinks
  const fields = fieldsOf(options.fields ?? ['ecs'], config)
  const folder = resolve(options.out)
  const installedIn = options.installedIn ?? folder
  const files = logstashFiles(config, {
    fields,
    installedIn,
    staleAfter: staleAfterOf(options),
    legacyFields: options.mispFields,
  })
  const written = writeFiles(folder, files)
  const warnings = memcached === undefined ? [] : reachOf(memcached)
  context.out.answer(
    { folder, installed_in: installedIn, files: written, fields, warnings },
    () => [
      ...written.map((file) => `wrote ${printable(file)}`),
      `${count(fields.length, 'field')} looked up in ${memcached?.servers.map(printable).join(', ')}`,
      ...warnings.map((warning) => context.out.paint('yellow', `warning: ${warning}`)),
    ],
  )
  return EXIT.done
}

/** @throws ConfigError, UsageError */
function fieldsOf(given: readonly string[], config: LoadedConfig): LookupField[] {
  const served = servedBy(config)
  const fields = given.flatMap((what) =>
    what === 'ecs' ? ecsFields(served) : readOwnFields(readFields(what), what, served),
  )
  const byName = new Map(fields.map((field) => [field.name, field]))
  if (byName.size > 0) return [...byName.values()]
  const what = 'none of these fields can meet anything that this config serves'
  throw new UsageError({ what, hint: 'see policy.kinds and filters.types in the config' })
}

function readFields(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const what = `the file of fields ${printable(path)} can't be read`
    throw new UsageError({ what, hint: '--fields takes ecs or a file', cause })
  }
}

/** Seconds; null: never. */
function staleAfterOf({ staleAfter }: LogstashOptions): number | null {
  if (staleAfter === 'never') return null
  const seconds = parseDuration(staleAfter)
  if (seconds !== null && seconds > 0) return seconds
  const what = `--stale-after ${printable(staleAfter)} is no duration`
  throw new UsageError({ what, hint: 'e.g. 6h, 90m, or never' })
}

/** Each whole or not at all: Logstash may be reading them. Answers their paths. */
function writeFiles(folder: string, files: Readonly<Record<string, string>>): string[] {
  try {
    // Logstash reads it as a user of its own.
    makeFolder(folder, SHARED)
    return Object.entries(files).map(([name, text]) => {
      const path = join(folder, name)
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
      return path
    })
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new LedgerError({
      what: `${printable(folder)} can't be written (${code})`,
      hint: 'name another folder with --out',
      cause,
    })
  }
}
