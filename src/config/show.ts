/** The config as it takes effect: every default filled in, paths absolute, secrets hidden. */
import type { LoadedConfig } from './load.js'
import { hideSecrets } from './secrets.js'

export function showConfig(loaded: LoadedConfig): object {
  const { file, format, dataDir, sources, sinks, policy, guard, log, secrets, notes } = loaded
  const config = { data_dir: dataDir, sources, sinks, policy, guard, log }
  const shown = { file, format, ...config, ...(notes.length > 0 && { notes }) }
  return hideSecrets(shown, secrets) as object
}
