import type { Meaning, Normalisation } from '../../src/indicators/indicator.js'

/** One line for a normalisation: `ip:192.0.2.1|443, url:... (alias)`, or `- reason`. */
export function shown(normalisation: Normalisation): string {
  return normalisation.ok
    ? normalisation.meanings.map(shownMeaning).join(', ')
    : `- ${normalisation.reason}`
}

function shownMeaning({ space, value, port, alias, weak }: Meaning): string {
  return `${space}:${value}${port > 0 ? `|${port}` : ''}${alias ? ' (alias)' : ''}${weak ? ' (weak)' : ''}`
}
