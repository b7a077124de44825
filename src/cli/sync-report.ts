/** What `tipline sync` says when it is done, whoever has done it. */
import { printable } from '../log.js'
import type { SinkDocument, SourceDocument, SyncDocument } from '../sync/sync-document.js'
import type { Context } from './context.js'
import { count, number, table } from './words.js'

export function syncLines(document: SyncDocument, context: Context): string[] {
  const { sources, sinks, seconds } = document
  const { paint } = { paint: context.out.paint.bind(context.out) }
  const rows = [
    ...sources.map((source) => [source.name, sourceWords(source)]),
    ...sinks.map((sink) => [sink.name, sinkWords(sink)]),
    ['ledger', ledgerWords(document)],
  ]
  const failures = [...sources, ...sinks].flatMap((part) => errorLines(part))
  const withheld = withheldOf(document).flatMap((entry) => withheldLines(entry, context))
  return [
    ...table(rows.map((row) => row.map(printable))),
    ...failures.map((line) => paint('red', printable(line))),
    ...withheld.map((line) => paint('yellow', printable(line))),
    paint('dim', `${seconds.toFixed(1)} s`),
  ]
}

function sourceWords(source: SourceDocument): string {
  if (!source.ok) return 'FAILED; nothing was changed'
  const { unchanged, attributes, added, changed, removed, set_aside: aside } = source
  if (unchanged) return 'nothing new'
  const gone = Object.values(removed).reduce((sum, n) => sum + n, 0)
  const causes = Object.entries(removed).map(([cause, n]) => `${cause} ${number(n)}`)
  return [
    `${count(attributes, 'attribute')} read: ${number(added)} added, ${number(changed)} changed, ${number(gone)} removed`,
    ...(causes.length > 0 ? [`(${causes.join(', ')})`] : []),
    ...(aside > 0 ? [`· ${number(aside)} set aside`] : []),
  ].join(' ')
}

function sinkWords({ ok, keys, rebuilt, repaired, set_aside: setAside }: SinkDocument): string {
  if (!ok) return 'FAILED; the next sync catches up'
  const mended = repaired === null ? '' : ` · repaired: ${repaired}`
  const why = rebuilt === null ? mended : ` · rebuilt: ${rebuilt}`
  const aside = setAside === 0 ? '' : ` · ${number(setAside)} set aside`
  return `${keys === 0 ? 'up to date' : `${count(keys, 'key')} written`}${why}${aside}`
}

function ledgerWords({ live, held }: SyncDocument): string {
  const keys = Object.values(live).reduce((sum, n) => sum + n, 0)
  const rules = Object.entries(held).map(([rule, n]) => `${rule} ${number(n)}`)
  const waiting = Object.values(held).reduce((sum, n) => sum + n, 0)
  const why = rules.length === 0 ? '' : ` (${rules.join(', ')})`
  return `${count(keys, 'key')} live · ${number(waiting)} held${why}`
}

function errorLines(part: SourceDocument | SinkDocument): string[] {
  if (part.ok) return 'alarms' in part ? [...part.alarms] : []
  if (part.error === null) return []
  const { what, hint } = part.error
  return [what, ...(hint === undefined ? [] : [`  hint: ${hint}`])]
}

interface Withheld {
  readonly id: string
  readonly kind: string
  readonly why: string
  readonly accept_with: string
  readonly of: string
}

function withheldOf({ sources, policy }: SyncDocument): Withheld[] {
  return [
    ...sources.flatMap((source) =>
      source.ok ? source.withheld.map((entry) => ({ ...entry, of: source.name })) : [],
    ),
    ...(policy.withheld === null ? [] : [{ ...policy.withheld, of: 'the policy' }]),
  ]
}

function withheldLines({ id, kind, of, why, accept_with }: Withheld, context: Context): string[] {
  return [
    `WITHHELD ${id}: ${kind} of ${of}: ${why}`,
    `  to see them:        tipline status${context.configArgument} --withheld ${id}`,
    `  to let them through: ${accept_with}`,
  ]
}
