/** The config as it takes effect: every default filled in, paths absolute, secrets hidden. */
import type { LoadedConfig } from './load.js'
import { hideSecrets } from './secrets.js'

export function showConfig(loaded: LoadedConfig): object {
  const { file, format, dataDir, warnings: _warnings, notes, secrets, ...parts } = loaded
  const shown = { file, format, data_dir: dataDir, ...parts, ...(notes.length > 0 && { notes }) }
  return hideSecrets(shown, secrets) as object
}
