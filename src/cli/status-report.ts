/** What `tipline status` says. */
import type { ChannelStatus } from '../hits/alerts/status.js'
import type { SightingStatus } from '../hits/sightings/status.js'
import type { Withheld } from '../ledger/sources.js'
import { printable } from '../log.js'
import type { SinkStatus, SourceStatus, Status } from '../sync/status.js'
import type { Context } from './context.js'
import { holdLine } from './hold-words.js'
import { bytes, count, duration, number, table } from './words.js'

/** `more` stands before the ledger and the problems. */
export function statusLines(
  status: Status,
  context: Context,
  more: readonly string[] = [],
): string[] {
  const { out } = context
  const { totals, withheld, holds, problems, ledger } = status
  const { alerts, sightings, daemon } = status
  const liveKeys = Object.entries(totals.liveKeys)
  return [
    ...section(
      'sources',
      table(
        status.sources.map((source) => sourceRow(source, status)),
        '  ',
      ),
    ),
    ...section('live', wrapped(liveKeys.map(([space, { keys }]) => `${space} ${number(keys)}`))),
    ...section(
      'held',
      wrapped(Object.entries(totals.held).map(([rule, n]) => `${rule} ${number(n)}`)),
    ),
    ...section('set aside', table(totals.setAside.map(asideRow), '  ')),
    ...section(
      'sinks',
      table(
        status.sinks.map((sink) => sinkRow(sink, status)),
        '  ',
      ),
    ),
    ...section(
      'held by hand',
      holds.map((hold) => `  ${holdLine(hold)}`),
    ),
    ...section('withheld', withheld.map(withheldLine)),
    ...more,
    ...section(
      'alerts',
      table(
        alerts.map((channel) => channelRow(channel, status)),
        '  ',
      ),
    ),
    ...section(
      'sightings',
      table(
        sightings.map((source) => sightingRow(source, status)),
        '  ',
      ),
    ),
    ...(daemon === null ? [] : [`daemon: process ${daemon.pid} is running`]),
    `ledger: ${bytes(ledger.bytes)} in ${printable(status.dataDir)}`,
    ...problems.flatMap(({ what, hint }) => [
      out.paint('red', `PROBLEM: ${printable(what)}`),
      `  hint: ${printable(hint)}`,
    ]),
    ...(problems.length === 0 ? [out.paint('green', 'all is well')] : []),
  ]
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines]
}

function sourceRow(source: SourceStatus, { now }: Status): string[] {
  const { name, inConfig, lastGood, events, attributes } = source
  const age = lastGood === null ? 'never read' : `read ${duration(now - lastGood)} ago`
  return [
    printable(name),
    age,
    count(events, 'event'),
    count(attributes, 'attribute'),
    inConfig ? '' : 'not in the config',
  ]
}

function asideRow({ source, reason, count }: Status['totals']['setAside'][number]): string[] {
  return [printable(source), number(count), printable(reason)]
}

function sinkRow({ name, cursor, lag, setAside }: SinkStatus, { now }: Status): string[] {
  const written = cursor === null ? 'never written' : `written ${duration(now - cursor.at)} ago`
  const state = lag === 0 ? 'up to date' : `${count(lag, 'change')} behind`
  return [name, written, state, setAside === 0 ? '' : `${number(setAside)} set aside`]
}

function channelRow(channel: ChannelStatus, { now }: Status): string[] {
  const { channel: name, waiting, parked, digest, lastSent, trouble } = channel
  const sent = lastSent === null ? 'none sent today' : `sent ${ago(lastSent, now)}`
  return [
    name,
    sent,
    `${number(waiting)} waiting`,
    `${number(parked)} parked`,
    `${number(digest)} for the digest`,
    printable(trouble),
  ]
}

function sightingRow(sighting: SightingStatus, { now }: Status): string[] {
  const { source, inConfig, pending, sent, refused, withheld, lastSent, reason } = sighting
  return [
    printable(source),
    lastSent === null ? 'none sent' : `sent ${ago(lastSent, now)}`,
    `${number(pending)} pending`,
    `${number(sent)} stored`,
    `${number(refused)} refused`,
    `${number(withheld)} withheld by TLP`,
    inConfig ? printable(reason) : 'not in the config',
  ]
}

/** `at`: epoch milliseconds. */
function ago(at: number, now: number): string {
  return `${duration(now - at / 1000)} ago`
}

function withheldLine({ id, source, kind, why }: Withheld): string {
  return printable(`  ${id}: ${kind} of ${source ?? 'the policy'}: ${why}`)
}

/** Words on lines of a terminal's width. */
function wrapped(words: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < 90) lines[lines.length - 1] += `, ${word}`
    else lines.push(`  ${word}`)
  }
  return lines
}
