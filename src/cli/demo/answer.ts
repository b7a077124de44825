/** Answers log lines with what they hit. Simple, for a demo: each field's value is looked up. */
import type { Database } from '../../ledger/sqlite.js'
import { type Found, liveNetLengths, lookup } from '../../match/lookup.js'

export interface Hit {
  readonly field: string
  readonly observable: string
  readonly found: Found
}

export interface Answered {
  readonly line: Readonly<Record<string, unknown>>
  readonly hits: readonly Hit[]
}

const FIELDS = [
  'source.ip',
  'destination.ip',
  'dns.question.name',
  'url.full',
  'file.hash.md5',
  'file.hash.sha256',
] as const

export function answerLines(
  db: Database,
  lines: readonly Readonly<Record<string, unknown>>[],
): Answered[] {
  const lengths = liveNetLengths(db)
  return lines.map((line) => ({
    line,
    hits: FIELDS.flatMap((field) => {
      const observable = observableIn(line, field)
      if (observable === null) return []
      return lookup(db, observable, lengths)
        .found.filter(({ state }) => state === 'live')
        .map((found) => ({ field, observable, found }))
    }),
  }))
}

/** With the port where there is one: an indicator of another port does not count. */
function observableIn(line: Readonly<Record<string, unknown>>, field: string): string | null {
  const value = line[field]
  if (typeof value !== 'string') return null
  const port = line[field.replace(/\.ip$/, '.port')]
  return typeof port === 'number' ? `${value}|${port}` : value
}
