/** What a policy says now of what is known of a value, where that is not what is in force. */
import { kindOf } from '../indicators/indicator.js'
import { normalise } from '../indicators/normalise.js'
import { MATCHABLE_TYPES } from '../indicators/types.js'
import type { Policy } from '../policy/policy.js'
import type { Subject } from '../policy/subject.js'
import type { PresentVerdict } from './documents.js'
import type { Knowledge } from './explain.js'

/** `value` as it was asked for; `now`: epoch seconds. */
export function verdictsOf(
  policy: Policy,
  { value, knowledge: { found } }: { value: string; knowledge: Knowledge },
  now: number,
): PresentVerdict[] {
  const differing = found.flatMap(({ indicator }) =>
    indicator.carriers.flatMap((carrier) => {
      if (carrier.held?.rule === 'hand') return []
      const { space, value, port } = indicator
      const { type, timestamp, lastSeen, tags } = carrier
      const subject = { space, value, port, type, timestamp, lastSeen, tags }
      const { held } = judge(policy, subject, now)
      if (held?.rule === carrier.held?.rule) return []
      return [{ space, value, attribute: carrier.attributeUuid, held }]
    }),
  )
  const isKnown = found.some(
    ({ via, indicator }) => via === 'exact' && indicator.carriers.length > 0,
  )
  return isKnown ? differing : [...differing, ...imagined(policy, value, now)]
}

/** The first MISP type that takes the value stands for what a source might bring. */
function imagined(policy: Policy, text: string, now: number): PresentVerdict[] {
  for (const type of MATCHABLE_TYPES) {
    const normal = normalise(type, text)
    if (!normal.ok) continue
    return normal.meanings
      .filter(({ alias }) => !alias)
      .map(({ space, value, port }) => {
        const subject = { space, value, port, type, timestamp: now, lastSeen: null, tags: [] }
        return { space, value, attribute: null, held: judge(policy, subject, now).held }
      })
  }
  return []
}

function judge(policy: Policy, subject: Omit<Subject, 'kind' | 'weak' | 'eventTags'>, now: number) {
  return policy.judge({ ...subject, kind: kindOf(subject), weak: false, eventTags: [] }, now)
}
