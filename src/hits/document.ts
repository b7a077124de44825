/** A hit as JSON tells it, everywhere: `tipline hits --json`, the API, a webhook. */
import type { Hit } from './hit.js'

/** Times in ISO 8601, names with underscores. */
export function hitDocument(hit: Hit) {
  const { falsePositive, first, last, recorded, ...rest } = hit
  return {
    id: rest.id,
    kind: rest.kind,
    way: rest.way,
    first: isoTime(first),
    last: isoTime(last),
    recorded: isoTime(recorded),
    observable: rest.observable,
    field: rest.field,
    indicator: rest.indicator,
    attribute: rest.attribute,
    event: rest.event,
    tlp: rest.tlp,
    label: rest.label,
    inside: rest.inside,
    role: rest.role,
    answered: rest.answered,
    flow: rest.flow,
    fields: rest.fields,
    false_positive: falsePositive && { ...falsePositive, at: isoTime(falsePositive.at) },
    stale: rest.stale,
  }
}

export type HitDocument = ReturnType<typeof hitDocument>

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
