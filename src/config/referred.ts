/** What a config refers to besides its secrets: are the files and folders there, and of use? */
import { accessSync, constants, readFileSync } from 'node:fs'
import { ConfigError, type ConfigProblem, TiplineError } from '../errors.js'
import { printable } from '../log.js'
import { secureContext } from '../net.js'
import type { LoadedConfig } from './load.js'
import { dotted, mapStrings, type Path } from './path.js'

/** Asks nobody. @throws ConfigError with all that is missing */
export function checkReferred(config: LoadedConfig): void {
  const { file, sources, sinks, http, alerts, flows } = config
  const problems: ConfigProblem[] = []
  const look = (path: Path, named: string, read: (named: string) => void) => {
    const fault = faultOf(named, read)
    if (fault !== null) problems.push({ key: dotted(path), ...fault })
  }
  mapStrings({ sources, sinks, http, alerts }, (text, path) => {
    const key = String(path.at(-1))
    if (key.endsWith('_file')) look(path, text, () => readPem(text, key))
    return text
  })
  for (const [at, source] of sources.entries()) {
    if (source.type !== 'feed' || source.path === undefined) continue
    look(['sources', at, 'path'], `${source.path}/manifest.json`, mayRead)
  }
  for (const [at, { folder }] of flows.watch.entries()) {
    look(['flows', 'watch', at, 'folder'], folder, mayRead)
  }
  if (problems.length === 0) return
  const what = `the config ${printable(file)} names what can not be used`
  throw new ConfigError({ what, file, problems })
}

function mayRead(named: string): void {
  accessSync(named, constants.R_OK)
}

/** @throws UsageError for what holds no certificate; what the system says */
function readPem(file: string, setting: string): void {
  const text = readFileSync(file, 'utf8')
  if (setting === 'ca_file') secureContext({ ca: text })
  if (setting === 'client_pem_file') secureContext({ client: text })
}

function faultOf(
  named: string,
  read: (named: string) => void,
): { message: string; hint?: string } | null {
  try {
    read(named)
    return null
  } catch (error) {
    if (error instanceof TiplineError) {
      return { message: error.message, ...(error.hint !== undefined && { hint: error.hint }) }
    }
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const how = code === 'ENOENT' ? 'does not exist' : `can not be read (${code})`
    return { message: `${printable(named)} ${how}` }
  }
}
