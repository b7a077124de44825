/** `tipline hits --counted`: what flows met that is not stored hit by hit. */
import { EXIT, UsageError } from '../errors.js'
import { type Counted, countedDocument, readCounted } from '../hits/counted.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { withHits } from './hit-stores.js'
import { type HitsOptions, queryOf } from './hits.js'
import { count, moment, number } from './words.js'

/** One line for each indicator and reason. Nothing found is exit status 1. */
export async function countedCommand(context: Context, options: HitsOptions): Promise<number> {
  if (options.kind === 'log') {
    const hint = 'leave out --kind: only flows are counted'
    throw new UsageError({ what: 'what lines hit is stored hit by hit, and never counted', hint })
  }
  const { since, until, value, event, source, limit } = queryOf(options, context.now())
  const query = { since, until, value, event, source, limit }
  const found = await withHits(context, (stores) => readCounted(stores, query, context.signal))
  if (context.out.json) {
    for (const each of found) context.out.text(printable(JSON.stringify(countedDocument(each))))
  } else context.out.lines(found.length === 0 ? ['Nothing was counted.'] : found.map(countedLine))
  return found.length > 0 ? EXIT.done : EXIT.nothing
}

/** For eyes. */
function countedLine(counted: Counted): string {
  const { indicator, event, observable, stale } = counted
  const met = indicator.value === observable ? '' : ` met ${observable}`
  return printable(
    [
      `${counted.why}  ${indicator.value}${met}`,
      countedWords(counted),
      `${indicator.kind} of event ${event.id || event.uuid} of ${event.source}: ${event.info}`,
      ...(stale ? ['(no longer served)'] : []),
    ].join('  '),
  )
}

/** Without the indicator. */
export function countedWords({ flows, packets, hours, first, last }: Counted): string {
  return `${count(flows, 'flow')} in ${count(hours, 'hour')}, ${number(packets)} packets, ${moment(first / 1000)} to ${moment(last / 1000)}`
}
