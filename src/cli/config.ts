/** `tipline config`: check, show, migrate, schema. */
import { existsSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { formatProblem } from '../config/format.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import { migrateConfig } from '../config/migrate.js'
import { checkReferred } from '../config/referred.js'
import { configJsonSchema } from '../config/schema.js'
import { showConfig } from '../config/show.js'
import { ConfigError, EXIT, LedgerError, UsageError } from '../errors.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { offlinePolicy } from './offline-policy.js'

export async function checkCommand(context: Context): Promise<number> {
  try {
    const config = await load(context)
    checkReferred(config)
    const warnings = [...config.warnings, ...(await offlinePolicy(config)).warnings]
    const { file, format, notes } = config
    context.out.answer({ ok: true, file, format, warnings, notes, problems: [] }, () => [
      `${printable(file)}: ${context.out.paint('green', 'ok')}${formatWords(format)}`,
      ...warnings.map((warning) => context.out.paint('yellow', `  warning: ${printable(warning)}`)),
      ...notes.map((note) => `  note: ${printable(note)}`),
    ])
    return EXIT.done
  } catch (error) {
    if (!(error instanceof ConfigError) || !context.out.json) throw error
    const { file, problems } = error
    context.out.answer({ ok: false, file, warnings: [], notes: [], problems }, () => [])
    for (const problem of problems) process.stderr.write(`${formatProblem(file, problem)}\n`)
    return EXIT.usage
  }
}

export async function showCommand(context: Context): Promise<number> {
  const shown = showConfig(await load(context))
  if (context.out.json) context.out.answer(shown, () => [])
  else context.out.text(stringify(shown))
  return EXIT.done
}

export async function migrateCommand(
  context: Context,
  { output }: { output?: string },
): Promise<number> {
  const config = migrateConfig(await load(context))
  if (output !== undefined) write(output, config)
  if (context.out.json) context.out.answer({ file: output ?? null, config }, () => [])
  else if (output === undefined) context.out.text(config)
  else context.out.lines([`wrote ${printable(output)}`])
  return EXIT.done
}

export async function schemaCommand(context: Context): Promise<number> {
  context.out.text(JSON.stringify(configJsonSchema(), undefined, 2))
  return EXIT.done
}

async function load(context: Context): Promise<LoadedConfig> {
  const config = await loadConfig(context.options.config, context.env)
  context.secrets = config.secrets
  return config
}

function formatWords(format: LoadedConfig['format']): string {
  if (format === 'misp2ch') return ', a config of misp2clickhouse'
  return format === 'misp2memcached' ? ', a config of MISP2memcached' : ''
}

function write(path: string, text: string): void {
  if (existsSync(path)) {
    throw new UsageError({ what: `${path} is there already`, hint: 'name another file with -o' })
  }
  try {
    writeFileSync(path, text, { flag: 'wx' })
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    const what = `${path} can't be written (${code})`
    throw new LedgerError({ what, hint: 'check the folder', cause })
  }
}
