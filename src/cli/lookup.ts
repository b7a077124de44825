/** `tipline lookup`: is this value an indicator? */
import { createInterface } from 'node:readline'
import { EXIT, UsageError } from '../errors.js'
import { indicatorOf } from '../indicators/indicator.js'
import { printable } from '../log.js'
import { lookupDocument } from '../match/documents.js'
import { type Found, type Lookup, liveNetLengths, lookup } from '../match/lookup.js'
import type { Context } from './context.js'
import { readingLedger } from './data-folder.js'
import type { Output } from './output.js'
import { count, moment } from './words.js'

export async function lookupCommand(context: Context, given: readonly string[]): Promise<number> {
  const values = await valuesOf(given)
  const lookups = await readingLedger(context, (db) => {
    const lengths = liveNetLengths(db)
    return values.map((value) => lookup(db, value, lengths))
  })
  context.out.answer({ values: lookups.map(lookupDocument) }, () =>
    lookups.flatMap((each) => lookupLines(each, context.out)),
  )
  return lookups.some(({ state }) => state === 'live') ? EXIT.done : EXIT.nothing
}

/** `-` stands for the lines of stdin. */
async function valuesOf(given: readonly string[]): Promise<string[]> {
  const values: string[] = []
  for (const value of given) {
    if (value === '-') values.push(...(await stdinLines()))
    else values.push(value)
  }
  if (values.some((value) => value.trim() !== '')) return values
  throw new UsageError({ what: 'there is no value to look up', hint: 'tipline lookup 192.0.2.1' })
}

async function stdinLines(): Promise<string[]> {
  const lines: string[] = []
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') lines.push(line.trim())
  }
  return lines
}

const MOST_EVENTS = 5

function lookupLines({ value, state, found }: Lookup, out: Output): string[] {
  return [
    `${out.paint('bold', printable(value))}  ${stateWord(state, out)}`,
    ...found.flatMap((each) => foundLines(each, out)),
  ]
}

export function stateWord(state: string, out: Output): string {
  if (state === 'live') return out.paint('red', 'LIVE')
  return out.paint(state === 'held' ? 'yellow' : 'dim', state.replace('_', ' '))
}

function foundLines(found: Found, out: Output): string[] {
  const { kind, value } = indicatorOf(found.indicator)
  const { carriers, liveSince } = found.indicator
  const since = liveSince === null ? '' : ` since ${moment(liveSince)}`
  const told = carriers.slice(0, MOST_EVENTS).map((carrier) => `    ${eventLine(carrier)}`)
  const more = carriers.length - told.length
  return [
    `  ${kind} ${printable(value)}${viaWord(found)}: ${stateWord(found.state, out)}${since}`,
    ...told,
    ...(more > 0 ? [`    and ${count(more, 'more event')}`] : []),
  ]
}

export function viaWord({ via }: Found): string {
  return { exact: '', net: ' (a net around it)', name: ' (its host, or a domain above)' }[via]
}

function eventLine(carrier: Found['indicator']['carriers'][number]): string {
  const { source, eventId, eventUuid, eventInfo, type, tags, held } = carrier
  const why = held === null ? '' : `; held by ${held.rule}: ${held.why}`
  const labels = tags.length === 0 ? '' : ` [${tags.join(', ')}]`
  return printable(`${source} event ${eventId || eventUuid} "${eventInfo}": ${type}${labels}${why}`)
}
