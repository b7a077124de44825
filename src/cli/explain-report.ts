/** What `tipline explain` says. */
import { indicatorOf } from '../indicators/indicator.js'
import type { Interval, KnownCarrier, SetAside } from '../ledger/knowledge.js'
import { printable } from '../log.js'
import {
  type Explanation,
  linkOf,
  type PresentVerdict,
  type SinkCheck,
  sinksOf,
} from '../match/documents.js'
import type { Explained } from '../match/explain.js'
import type { InFlows } from '../match/in-flows.js'
import type { Found } from '../match/lookup.js'
import type { Context } from './context.js'
import { countedWords } from './hits-counted.js'
import { holdLine } from './hold-words.js'
import { stateWord, viaWord } from './lookup.js'
import type { Output } from './output.js'
import { count, moment } from './words.js'

export function explainLines(explanation: Explanation, context: Context): string[] {
  const { knowledge, beside } = explanation
  const { value, state, found, setAside, holds } = knowledge
  const { out } = context
  return [
    `${out.paint('bold', printable(value))}  ${stateWord(state, out)}`,
    ...(state === 'unknown' ? ['  no source has it, and none had'] : []),
    ...found.flatMap((each) => indicatorLines(each, { explanation, out })),
    ...setAside.map((aside) => `  set aside: ${setAsideLine(aside)}`),
    ...holds.map((hold) => out.paint('yellow', `  held by hand: ${holdLine(hold)}`)),
    ...(beside?.verdicts ?? []).map((verdict) => `  ${verdictLine(verdict)}`),
    ...(beside?.checks ?? []).map((check) => `  ${checkLine(check)}`),
    ...(beside?.inFlows?.unavailable ? [printable(`  flows: ${beside.inFlows.unavailable}`)] : []),
  ]
}

const MOST_CARRIERS = 10
const MOST_INTERVALS = 10

function indicatorLines(
  found: Explained,
  { explanation, out }: { explanation: Explanation; out: Output },
): string[] {
  const { indicator, state } = found
  const { kind, value } = indicatorOf(indicator)
  const { carriers, history } = indicator
  const shown = carriers.slice(0, MOST_CARRIERS)
  const more = carriers.length - shown.length
  return [
    `  ${kind} ${printable(value)}${viaWord(found)}: ${stateWord(state, out)}${sinceWords(found)}`,
    ...shown.flatMap((carrier) => carrierLines(carrier, explanation)),
    ...(more > 0 ? [`    and by ${count(more, 'more attribute')}`] : []),
    ...sinkLines(found, explanation),
    ...flowLines(found, explanation),
    ...history.slice(-MOST_INTERVALS).map((interval) => `    ${intervalLine(interval)}`),
  ]
}

function sinceWords({ state, indicator: { liveSince, knownSince, history } }: Found): string {
  if (liveSince !== null) return ` since ${moment(liveSince)}`
  const last = history.at(-1)
  if (state === 'held')
    return last ? ` since ${moment(last.until)}` : ` since ${moment(knownSince)}`
  return last ? ` since ${moment(last.until)}: ${causeWords(last.why)}` : ': it was never live'
}

function carrierLines(carrier: KnownCarrier, { beside }: Explanation): string[] {
  const { source, eventId, eventUuid, eventInfo, orgc, type, tags, labels, held, since } = carrier
  const by = orgc === '' ? '' : ` of ${orgc}`
  const away = carrier.sourceInConfig ? '' : ' (no longer in the config)'
  const unpublished = carrier.published ? '' : ' (unpublished now)'
  const link = linkOf(carrier, beside)
  const lines = [
    `${source}${away} event ${eventId || eventUuid} "${eventInfo}"${by}${unpublished}`,
    `  ${type}, since ${moment(since)}${tags.length === 0 ? '' : `, tags ${tags.join(', ')}`}`,
    ...(link === null ? [] : [`  ${link}`]),
    ...(labels.length === 0 ? [] : [`  on the lists ${labels.join(', ')}`]),
    ...(held === null ? [] : [`  HELD by ${ruleWords(held.rule)}: ${held.why}`]),
  ]
  return lines.map((line) => `    ${printable(line)}`)
}

function ruleWords(rule: string): string {
  return rule === 'hand' ? 'hand' : `the rule ${rule}`
}

function sinkLines(found: Explained, explanation: Explanation): string[] {
  const sinks = sinksOf(found, explanation)
  if (sinks.length === 0) return []
  return [`    sinks: ${sinks.map(({ name, state }) => printable(`${name} ${state}`)).join(', ')}`]
}

/** How far back it was looked for, and what is only counted. */
function flowLines({ indicator }: Explained, { beside }: Explanation): string[] {
  const { looked = [], counted = [] } = beside?.inFlows ?? {}
  const mine = looked.filter(
    ({ value, port }) => value === indicator.value && port === indicator.port,
  )
  const uuids = new Set(indicator.carriers.map(({ attributeUuid }) => attributeUuid))
  return [
    ...(mine.length === 0 ? [] : [`    flows: matched as they come; ${pastWords(mine)}`]),
    ...counted
      .filter(({ attribute }) => uuids.has(attribute.uuid))
      .map((each) => `    only counted: ${each.why}: ${countedWords(each)}`),
  ]
}

/** The least that is true of all its attributes. */
function pastWords(looked: InFlows['looked']): string {
  const backTo = looked.map((each) => each.backTo)
  if (backTo.includes(null)) return 'not looked for in those of the past (tipline backscan)'
  return `looked for back to ${moment(Math.max(...backTo.map(Number)))}`
}

function intervalLine({ from, until, why, detail }: Interval): string {
  const by =
    detail?.source === undefined
      ? ''
      : ` (${detail.source} event ${detail.event || detail.event_uuid})`
  return printable(`was live ${moment(from)} to ${moment(until)}: ${causeWords(why)}${by}`)
}

/** The ledger's causes, for people. */
const CAUSES: Readonly<Record<string, string>> = {
  deleted: 'the source deleted it',
  to_ids: 'the source no longer marks it for detection (to_ids)',
  tag: 'a tag now excludes it',
  absent: 'it vanished from the source',
  expired: 'it left the time window that is asked for',
  filter: 'the filters exclude its type now',
  changed: 'its attribute was changed',
  'source forgotten': 'its source was forgotten',
}

function causeWords(why: string): string {
  return CAUSES[why] ?? why
}

function setAsideLine({ source, eventId, eventUuid, type, reason }: SetAside): string {
  return printable(`${source} event ${eventId || eventUuid}, ${type}: ${reason}`)
}

function verdictLine({ space, value, attribute, held }: PresentVerdict): string {
  const verdict = held === null ? 'served' : `held by the rule ${held.rule}: ${held.reason}`
  const when =
    attribute === null
      ? 'if a source brought it now, it would be'
      : 'by the present config it is, from the next sync on,'
  return printable(`${space} ${value}: ${when} ${verdict}`)
}

function checkLine({ sink, space, value, verdict, what }: SinkCheck): string {
  if (verdict === 'unreachable') return printable(`${sink}: ${what ?? 'can not be reached'}`)
  const words = { right: 'is as it should be', missing: 'is MISSING', different: 'is DIFFERENT' }
  return printable(`${sink}: ${space} ${value} ${words[verdict]}`)
}
