/** Alerts, sights and hits as tests need them. */
import type { Alert, Sight, SightEvent } from '../../../src/hits/alerts/alert.js'
import type { ChannelDeps } from '../../../src/hits/alerts/channels/channel.js'
import {
  alertsSettings,
  type ChannelSettings,
  createChannel,
} from '../../../src/hits/alerts/channels/registry.js'
import { type ToldAlert, told } from '../../../src/hits/alerts/disclose.js'
import type { Hit } from '../../../src/hits/hit.js'
import { silentLogger } from '../../../src/log.js'
import type { Tlp } from '../../../src/policy/tlp.js'

export const NOW = Date.parse('2026-11-22T04:00:00Z')
export const NEVER: AbortSignal = new AbortController().signal
export const ID = '6f1c0e4e-62a2-4a57-9b0c-0d4b6b1f0a01'
/** Of the test that kills. */
export const HITS = 6
export const EVENT = '5f6c1b7a-0000-4000-8000-000000000001'

export const DEPS: ChannelDeps = {
  log: silentLogger(),
  env: {},
  clock: () => NOW,
  hostname: 'soc1.example.org',
}

export function eventOf(facts: Partial<SightEvent> = {}): SightEvent {
  return {
    source: 'main',
    id: '1234',
    uuid: EVENT,
    info: 'Phishing for webmail passwords',
    link: 'https://misp.example.org/events/view/1234',
    attribute: { uuid: '5f6c1b7a-0000-4000-8000-00000000000a', type: 'domain' },
    tlp: 'green',
    hit: 'log-00000000000000aa',
    ...facts,
  }
}

/** Its newest meeting is a hit on each of its events. */
export function sightOf(facts: Partial<Sight> = {}): Sight {
  const sight = {
    indicator: { kind: 'domain', value: 'webmail-update.example' },
    inside: '192.0.2.40',
    network: 'campus',
    observable: 'static.login.webmail-update.example',
    field: 'dns.rrname',
    label: 'resolver-1',
    first: NOW - 60_000,
    last: NOW - 30_000,
    count: 1,
    backscan: false,
    hit: 'log-00000000000000aa',
    events: [eventOf()],
    ...facts,
  }
  const { inside, network, observable, field, label, first, last, events } = sight
  const hits = events.map(({ hit, attribute }) => ({ id: hit, attribute: attribute.uuid }))
  const meeting = { inside, network, observable, field, label, first, last, hits }
  return { meetings: [meeting], ...sight }
}

export function alertOf(facts: Partial<Alert> = {}): Alert {
  return { id: ID, kind: 'hit', at: NOW, sights: [sightOf()], more: 0, ...facts }
}

export function shown(alert: Alert, disclose: Tlp = 'green', channel = 'soc'): ToldAlert {
  return told(alert, { channel, disclose, untagged: 'amber' })
}

/** As the config would have it. */
export function settingsOf(given: Record<string, unknown>): ChannelSettings {
  return alertsSettings.parse([{ name: 'soc', ...given }])[0]!
}

export function channelOf(given: Record<string, unknown>, deps: Partial<ChannelDeps> = {}) {
  return createChannel(settingsOf(given), { ...DEPS, ...deps })
}

export function hitOf(facts: Partial<Hit> = {}): Hit {
  return {
    id: 'log-00000000000000aa',
    kind: 'log',
    first: NOW - 1000,
    last: NOW - 1000,
    recorded: NOW,
    way: 'enrich',
    observable: 'static.login.webmail-update.example',
    field: 'dns.rrname',
    indicator: { kind: 'domain', value: 'webmail-update.example' },
    attribute: { uuid: '5f6c1b7a-0000-4000-8000-00000000000a', type: 'domain' },
    event: {
      id: '1234',
      uuid: EVENT,
      info: 'Phishing for webmail passwords',
      source: 'main',
      link: 'https://misp.example.org/events/view/1234',
    },
    tlp: 'green',
    label: 'resolver-1',
    inside: { address: '192.0.2.40', network: 'campus' },
    role: 'unknown',
    answered: 'unknown',
    flow: null,
    fields: {},
    falsePositive: null,
    stale: false,
    ...facts,
  }
}
