/** What a config is told to be wrong with, line by line. */
import { formatConfigError } from '../../src/config/format.js'
import { parseConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/errors.js'

export const MISP = `sources:
  - name: main
    url: https://misp.example.org
    key: a-key-of-nobody
`

export async function told(
  text: string,
  { file = 'tipline.yml', env = {} }: { file?: string; env?: Record<string, string> } = {},
): Promise<string[]> {
  try {
    await parseConfig(text, { file, env })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return formatConfigError(error).split('\n')
    throw error
  }
}
