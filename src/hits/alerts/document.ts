/** An alert as JSON of our own, for programs behind a webhook. Pure. */
import { ascii } from '../../ascii.js'
import type { ToldAlert, ToldSight } from './disclose.js'
import type { Templates } from './templates.js'
import { wordsOf } from './words.js'

/** Raised when a field changes its meaning or goes; new ones may come at any time. */
const VERSION = 1

/** In printable ASCII. `docs/guides/alerts.md` tells of each field. */
export function alertDocument(alert: ToldAlert, templates: Templates): string {
  const { id, kind, at, channel, sights, more } = alert
  const { subject, body } = wordsOf(alert, templates)
  return ascii({
    version: VERSION,
    id,
    kind,
    at: iso(at),
    channel,
    title: subject,
    text: body,
    sights: sights.map(sightDocument),
    more,
  })
}

function sightDocument(sight: ToldSight): object {
  const { facts, events, withheld, network, first, last, count, backscan } = sight
  return {
    disclosed: facts !== null,
    ...(facts ?? {}),
    network,
    first: iso(first),
    last: iso(last),
    count,
    backscan,
    events: [
      ...events.map((event) => ({ disclosed: true, ...event })),
      ...withheld.map((uuid) => ({ disclosed: false, uuid })),
    ],
  }
}

function iso(at: number): string | null {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : null
}
