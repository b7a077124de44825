/** Config problems as lines for a terminal, in the form that editors and CI jump to. */
import type { ConfigError, ConfigProblem } from '../errors.js'
import { printable } from '../log.js'

const MOST_SHOWN = 50

/** A line for each problem: `tipline.yml:7:5: sources.0.filtres: unknown key; did you mean "filters"?` */
export function formatConfigError({ file, problems }: ConfigError): string {
  const lines = problems.slice(0, MOST_SHOWN).map((problem) => formatProblem(file, problem))
  const more = problems.length - lines.length
  return [...lines, ...(more > 0 ? [`${printable(file)}: and ${more} more problems`] : [])].join(
    '\n',
  )
}

export function formatProblem(file: string, problem: ConfigProblem): string {
  const { line, column, key, message, hint } = problem
  const place = line === undefined ? printable(file) : `${printable(file)}:${line}:${column ?? 1}`
  const parts = [place, ...(key === undefined ? [] : [key]), message].join(': ')
  return hint === undefined ? parts : `${parts}; ${hint}`
}
