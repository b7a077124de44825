/** `tipline hits`: what flows and log lines met. */
import { EXIT, UsageError } from '../errors.js'
import { hitDocument } from '../hits/document.js'
import type { Hit, HitKind, Way } from '../hits/hit.js'
import { type HitQuery, readHits } from '../hits/read.js'
import type { HitStores } from '../hits/stores.js'
import { printable } from '../log.js'
import { parseDuration } from '../policy/duration.js'
import { parseIso } from '../time.js'
import type { Context } from './context.js'
import { withHits } from './hit-stores.js'

export interface HitsOptions {
  readonly since?: string
  readonly until?: string
  readonly value?: string
  readonly event?: string
  readonly source?: string
  readonly label?: string
  readonly kind?: HitKind
  readonly way?: Way
  readonly limit?: string
}

/** Nothing found is exit status 1. */
export async function hitsCommand(context: Context, options: HitsOptions): Promise<number> {
  const query = queryOf(options, context.now())
  const count = await withHits(context, async (stores) => {
    let told = 0
    for await (const hit of hitsUpTo(stores, query, context.signal)) {
      told += 1
      if (context.out.json) context.out.text(printable(JSON.stringify(hitDocument(hit))))
      else context.out.lines([hitLine(hit)])
    }
    return told
  })
  if (count === 0) context.out.lines(['No hits.'])
  return count > 0 ? EXIT.done : EXIT.nothing
}

const PAGE = 1000

/** Page by page, so that a large answer needs no large memory. */
async function* hitsUpTo(
  stores: HitStores,
  query: HitQuery,
  signal: AbortSignal,
): AsyncGenerator<Hit> {
  let cursor: string | undefined
  for (let left = query.limit; left > 0; left -= PAGE) {
    const page = await readHits(stores, { ...query, cursor, limit: Math.min(left, PAGE) }, signal)
    yield* page.hits
    if (page.next === null) return
    cursor = page.next
  }
}

export function queryOf(options: HitsOptions, now: number): HitQuery {
  const { since = '24h', until, limit = '1000', value, event, source, label, kind, way } = options
  if (!/^[1-9]\d{0,8}$/.test(limit)) {
    throw new UsageError({ what: '--limit is no number', hint: 'such as 1000' })
  }
  return {
    since: timeOf('--since', since, now),
    ...(until !== undefined && { until: timeOf('--until', until, now) }),
    value,
    event,
    source,
    label,
    kind,
    way,
    limit: Number(limit),
  }
}

/** Epoch milliseconds, of a duration before now or of a date. */
function timeOf(option: string, text: string, now: number): number {
  const ago = parseDuration(text)
  if (ago !== null) return Math.max(now - ago, 0) * 1000
  const at = parseIso(text)
  if (at !== null) return at
  throw new UsageError({
    what: `${option} is neither a duration nor a date`,
    hint: 'such as 30m, 24h, 7d, 2026-11-21 or 2026-11-21T14:00Z',
  })
}

/** For eyes. */
export function hitLine(hit: Hit): string {
  const when = new Date(hit.first).toISOString().slice(0, 19).replace('T', ' ')
  const { event, indicator } = hit
  const marks = [
    ...(hit.way === 'backscan' ? ['backscan'] : []),
    ...(hit.stale ? ['no longer served'] : []),
    ...(hit.falsePositive ? ['false positive'] : []),
  ]
  const parts = [
    when,
    ...(hit.flow ? flowWords(hit) : lineWords(hit)),
    `${indicator.kind} of event ${event.id || event.uuid} of ${event.source}: ${event.info}`,
    ...(marks.length > 0 ? [`(${marks.join(', ')})`] : []),
    hit.id,
  ]
  return printable(parts.join('  '))
}

function flowWords({ inside, observable, flow, role, answered, label }: Hit): string[] {
  const arrow = role === 'inbound' ? '<-' : '->'
  return [
    `${inside?.address} ${arrow} ${observable} port ${flow!.port}`,
    `${flow!.packets} packets, ${flow!.bytes} bytes`,
    ...(answered === 'no' ? ['unanswered'] : []),
    ...(label === '' ? [] : [label]),
  ]
}

function lineWords({ field, observable, indicator, inside, label }: Hit): string[] {
  const met = indicator.value === observable ? '' : ` met ${indicator.value}`
  return [
    `${field} ${observable}${met}`,
    ...(inside ? [`from ${inside.address}`] : []),
    ...(label === '' ? [] : [label]),
  ]
}
