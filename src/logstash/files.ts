/** All that Logstash is given, as texts by file name. */

import { ascii } from '../ascii.js'
import type { LoadedConfig } from '../config/load.js'
import { FILES, pipelineText } from './pipeline.js'
import { scriptText } from './script.js'
import { type SettingsOptions, scriptSettings } from './settings.js'

export interface FilesOptions extends SettingsOptions {
  /** Where the files will stand on the machine of Logstash. */
  readonly installedIn: string
}

/** @throws UsageError */
export function logstashFiles(config: LoadedConfig, options: FilesOptions): Record<string, string> {
  const settings = scriptSettings(config, options)
  return {
    [FILES.pipeline]: pipelineText(options.installedIn),
    [FILES.script]: scriptText(),
    [FILES.settings]: settingsText(settings),
  }
}

/** A line for each setting and each field, to be read and compared by people. */
function settingsText(settings: ReturnType<typeof scriptSettings>): string {
  const { fields, ...others } = settings
  const lines = Object.entries(others).map(([name, value]) => `  "${name}": ${ascii(value)},`)
  const each = fields.map((field) => `    ${ascii(field)}`).join(',\n')
  return `{\n${lines.join('\n')}\n  "fields": [\n${each}\n  ]\n}\n`
}
