/** A day at a site of documentation addresses: something in every state, and hits of every way. */
import { tablesOf } from '../../../src/clickhouse/open.js'
import { backscan } from '../../../src/match/backscan/backscan.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { Store } from '../../misp/store.js'
import type { LogHit } from './log-hits.js'
import { Site, type SiteOptions } from './site.js'

const HOUR = 3600
const DAY = 24 * HOUR

export const LIVE = '198.51.100.17'
export const LATE = '198.51.100.201'
export const HELD = '10.0.0.1'
export const REVOKED = 'old-campaign.example'
export const SET_ASIDE = '999.1.1.1'
export const NAME = 'login-webmail.example'

export const PHISHING = 'Phishing for webmail passwords'

function mispFiveDaysAgo(): Store {
  const now = Math.floor(Date.now() / 1000)
  const store = new Store({ now: now - 5 * DAY })
  store.addOrg({ id: 4, name: 'CERT Example', uuid: '44444444-4444-4444-8444-444444444444' })
  const at = { timestamp: store.now - DAY, publish_timestamp: store.now - DAY + 60, orgc_id: 4 }
  const add = (info: string, tags: string[], values: readonly [type: string, value: string][]) =>
    store.addEvent({
      ...at,
      info,
      tags,
      attributes: values.map(([type, value]) => ({ type, value, timestamp: at.timestamp })),
    })
  add(
    PHISHING,
    ['tlp:green', 'phishing'],
    [
      ['ip-dst', LIVE],
      ['domain', NAME],
      ['url', `https://${NAME}/owa/auth.php?id=7`],
    ],
  )
  add(
    'Controllers of a botnet, week 46',
    ['tlp:amber'],
    [
      ['ip-dst|port', '203.0.113.44|8443'],
      ['ip-dst', '203.0.113.128/26'],
      ['ip-dst', LIVE],
    ],
  )
  add(
    'Made in a hurry',
    ['tlp:green'],
    [
      ['ip-dst', HELD],
      ['ip-src', SET_ASIDE],
    ],
  )
  add('Taken back', ['tlp:green'], [['domain', REVOKED]])
  return store
}

/** Filled, and listening. Without ClickHouse there are hits of log lines alone. */
export async function documentationSite(options: Omit<SiteOptions, 'store'> = {}): Promise<Site> {
  const site = await Site.start({ store: mispFiveDaysAgo, ...options })
  await syncRight(site)
  if (options.clickhouse) await insertFlows(site)
  await later(site)
  if (options.clickhouse) await lookBack(site)
  site.record(lines(site))
  await site.listen()
  return site
}

async function syncRight(site: Site): Promise<void> {
  const { status } = await site.house.sync()
  if (status !== 0) throw new Error(`the sync ended with ${status}`)
}

/** Today: something was taken back, and something came whose flows have passed already. */
async function later(site: Site): Promise<void> {
  const { store } = site
  store.now = Math.floor(Date.now() / 1000) - 40
  const revoked = [...store.events.values()].find(({ info }) => info === 'Taken back')!
  store.softDelete(revoked.attributes().find(({ value }) => value === REVOKED)!.id)
  store.publish(revoked.id)
  const late = store.addEvent({
    info: 'Scanner that was told of late',
    orgc_id: 4,
    tags: ['tlp:green'],
    timestamp: store.now - 60,
    publish_timestamp: store.now - 50,
    attributes: [{ type: 'ip-src', value: LATE, timestamp: store.now - 60 }],
  })
  store.publish(late.id)
  store.advance(30)
  await syncRight(site)
}

/** Everyday traffic of a day: more of it by day than by night. */
async function insertFlows({ clickhouse }: Site): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  const outside = [
    [LIVE, 443],
    [LIVE, 443],
    ['203.0.113.44', 8443],
    ['203.0.113.150', 25],
    [LATE, 22],
  ] as const
  const rows = Array.from({ length: 420 }, (_, n) => {
    const ts = now - 60 - Math.floor(within(n) * (DAY - 120))
    const [address, port] = outside[n % outside.length]!
    const inside = `192.0.2.${10 + ((n * 7) % 23)}`
    return [
      ts,
      ts + 4,
      inside,
      address,
      40_000 + n,
      port,
      6,
      '...AP.SF',
      8 + (n % 30),
      900 + n * 61,
    ]
  })
  const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
  await clickhouse.insert({ table: 'nfsen.flows', columns, rows })
}

/** Of a day, from 0 to 1: spread without chance, thicker in the middle and in two bursts. */
function within(n: number): number {
  const even = (n * 0.618_033_988_749) % 1
  if (n % 11 === 4) return 0.31 + even * 0.02
  return even + 0.09 * Math.sin(2 * Math.PI * even) ** 3 * (1 - even)
}

async function lookBack({ clickhouse }: Site): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  await backscan({
    db: clickhouse,
    tables: tablesOf(clickhouseSinkSettings.parse({})),
    since: now - 2 * DAY,
    until: now,
    value: null,
    progress: () => undefined,
    signal: new AbortController().signal,
  })
}

/** What a proxy's log met, once in a while. */
function lines({ store }: Site): LogHit[] {
  const now = Date.now()
  const event = store.event(1)
  const { id, uuid, info } = event
  const attribute = event.attributes().find(({ value }) => value === NAME)!
  return Array.from({ length: 70 }, (_, n) => ({
    at: now - 90_000 - Math.floor(((n * 0.754_877_666) % 1) * (DAY - 300) * 1000),
    observable: n % 3 === 0 ? `www.${NAME}` : NAME,
    client: `192.0.2.${40 + (n % 9)}`,
    field: 'url.domain',
    indicator: { kind: 'domain', value: NAME },
    attribute: { uuid: attribute.uuid, type: 'domain' },
    event: { id: String(id), uuid, info, source: 'main' },
    label: 'proxy',
  }))
}
