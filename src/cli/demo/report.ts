/** What `tipline demo` says. */
import { basename, relative } from 'node:path'
import { printable } from '../../log.js'
import type { Hit } from '../../match/logs/hit.js'
import type { Cycle } from '../../sync/sync-document.js'
import type { Context } from '../context.js'
import { explainLines } from '../explain-report.js'
import { hitLine } from '../hits.js'
import { count, number, table } from '../words.js'
import type { Answered } from './answer.js'
import type { Demo } from './play.js'

/** All counts but `revoked` are those before the feed took something back. */
export function demoDocument(demo: Demo): object {
  const { events, attributes, first, answered, answeredAgain, second, seconds } = demo
  return {
    events,
    attributes,
    indicators: liveOf(first) + heldOf(first),
    live: liveOf(first),
    held: heldOf(first),
    set_aside: asideOf(first),
    lines: answered.length,
    hits: hitsOf(answered),
    hits_after: hitsOf(answeredAgain),
    revoked: revokedIn(second),
    ...flowCounts(demo.flows),
    seconds: Number(seconds.toFixed(3)),
  }
}

export function demoLines(demo: Demo, context: Context): string[] {
  const { out } = context
  const title = (text: string) => ['', out.paint('bold', text)]
  return [
    out.paint('bold', 'tipline demo: a small MISP feed of documentation addresses and names'),
    ...title('1. The feed is pulled into a ledger'),
    ...pulled(demo),
    ...title('2. Values are looked up'),
    ...demo.looked.flatMap((knowledge) => explainLines({ knowledge, beside: null }, context)),
    ...title('3. Log lines are answered'),
    ...demo.answered.map((answered) => `  ${answerLine(answered, context)}`),
    ...enriched(demo),
    ...title('4. Flows are matched as they come into ClickHouse'),
    ...flowsMet(demo),
    ...title('5. The feed takes an indicator back and brings a new one; the next sync follows'),
    ...revoked(demo, context),
    ...learned(demo),
    ...title('What next'),
    ...nextSteps(demo),
    '',
    out.paint('dim', `${demo.seconds.toFixed(1)} s, no MISP, no memcached, no network`),
  ]
}

function pulled({ events, attributes, first }: Demo): string[] {
  const live = Object.entries(first.live).map(([space, { keys }]) => `${space} ${keys}`)
  const held = Object.entries(first.held).map(([rule, n]) => `${rule} ${n}`)
  return [
    `  ${count(events, 'event')}, ${count(attributes, 'attribute')}`,
    ...table(
      [
        ['live', number(liveOf(first)), live.join(', ')],
        ['held', number(heldOf(first)), held.join(', ')],
        ...first.setAside.map(({ reason, count }) => [
          'set aside',
          number(count),
          printable(reason),
        ]),
      ],
      '  ',
    ),
  ]
}

function answerLine({ line, hits }: Answered, { out }: Context): string {
  const text = JSON.stringify(line)
  if (hits.length === 0) return out.paint('dim', `      ${text}`)
  return [
    `${out.paint('red', 'HIT')}   ${text}`,
    ...hits.map((hit) => `          ${hitWords(hit)}`),
  ].join('\n  ')
}

function hitWords({ field, indicator: { kind, value }, carriers }: Hit): string {
  const infos = [...new Set(carriers.map(({ eventInfo }) => `"${eventInfo}"`))]
  return printable(`${field} meets ${kind} ${value}: ${infos.join(', ')}`)
}

/** The first line that hit, as it goes out. */
function enriched({ answered }: Demo): string[] {
  const first = answered.find(({ enriched }) => enriched !== null)?.enriched
  return first
    ? ['  the first of them, as `tipline enrich` writes it:', `  ${printable(first)}`]
    : []
}

function revoked(demo: Demo, context: Context): string[] {
  const { answered, answeredAgain, explained } = demo
  return [
    `  ${count(revokedIn(demo.second), 'indicator')} revoked: ${count(hitsOf(answeredAgain), 'hit')} where there had been ${number(hitsOf(answered))}`,
    ...explainLines({ knowledge: explained, beside: null }, context),
  ]
}

function flowCounts(flows: Demo['flows']): object {
  if (flows.why !== null) return { flows: 0, flow_hits: 0, flow_hits_past: 0 }
  const { brought, live, past } = flows
  return { flows: brought.flows, flow_hits: live.length, flow_hits_past: past.length }
}

function flowsMet({ flows }: Demo): string[] {
  if (flows.why !== null) {
    return [`  left out: there is no ClickHouse on this machine: ${printable(flows.why)}`]
  }
  const { brought, live } = flows
  const from = brought.fromFile
    ? 'from an nfcapd file, through nfdump'
    : 'made up here (nfdump is not installed, which reads the files of nfcapd)'
  return [
    `  ${count(brought.flows, 'flow')} ${from}; ${count(live.length, 'hit')}:`,
    ...live.map((hit) => `  ${hitLine(hit)}`),
  ]
}

function learned({ flows }: Demo): string[] {
  if (flows.why !== null) return []
  return [
    `  one learned, and ${count(flows.past.length, 'hit')} of it in the flows of the past:`,
    ...flows.past.map((hit) => `  ${hitLine(hit)}`),
  ]
}

function nextSteps({ kept }: Demo): string[] {
  const tipline = invocation()
  const config = kept === null ? '' : ` -c ${kept}/tipline.yml`
  const more =
    kept === null
      ? [[`${tipline} demo --keep`, 'leaves the demo in ./.tipline-demo, to try commands on it']]
      : [
          [`${tipline} explain${config} cdn-invoice.example`, 'all that is known of a value'],
          [`${tipline} hold${config} cdn-invoice.example --why 'our own test'`, 'the kill switch'],
          [`${tipline} status${config}`, 'what is live, held, set aside'],
        ]
  return table(
    [
      ...more,
      [`${tipline} enrich -c tipline.yml < logs.json`, 'your own logs, one JSON object a line'],
      [`${tipline} config check -c config.yml`, 'a config of MISP2memcached is read as it is'],
      [`${tipline} doctor -c tipline.yml`, 'your own MISP and memcached: see examples/tipline.yml'],
      [`${tipline} sync -c tipline.yml`, 'and from there into memcached'],
    ],
    '  ',
  )
}

/** How this very program can be called again. */
function invocation(): string {
  const script = process.argv[1] ?? 'tipline'
  return basename(script) === 'tipline' ? 'tipline' : `node ${relative(process.cwd(), script)}`
}

function liveOf({ live }: Cycle): number {
  return Object.values(live).reduce((sum, { keys }) => sum + keys, 0)
}

function heldOf({ held }: Cycle): number {
  return Object.values(held).reduce((sum, n) => sum + n, 0)
}

function asideOf({ setAside }: Cycle): number {
  return setAside.reduce((sum, { count }) => sum + count, 0)
}

function revokedIn({ report }: Cycle): number {
  const removed = report.sources.flatMap((source) =>
    source.ok ? Object.values(source.removed) : [],
  )
  return removed.reduce((sum, n) => sum + n, 0)
}

function hitsOf(answered: readonly Answered[]): number {
  return answered.reduce((sum, { hits }) => sum + hits.length, 0)
}
