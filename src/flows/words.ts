/** What is said of imports, on the terminal and in the log. */
import { printable } from '../log.js'
import type { Imported } from './import.js'

export const NO_WINDOW =
  'the table of flows keeps no deduplication window: where an import is killed in the middle, some flows may be stored twice; tipline doctor --fix sets it'

/** Without the name of the file. */
export function importedWords(imported: Imported): string {
  switch (imported.outcome) {
    case 'known':
      return 'was imported before'
    case 'aside':
      return `set aside: ${printable(imported.reason)}`
    default: {
      const { flows, odd } = imported
      const rest = odd > 0 ? `, ${odd} odd lines left out` : ''
      return `${flows.toLocaleString('en-US')} flows${rest}`
    }
  }
}
