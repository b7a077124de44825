/** What is sent to `/attributes/restSearch`, made safe from MISP's silent surprises. */

type Query = Readonly<Record<string, unknown>>

/**
 * `to_ids`: MISP reads "no", "false" and any other word as yes; they become 0. A boolean false means
 * no filter to MISP, and stays away. `limit` and `page` are the pager's. Never empty: MISP answers an
 * empty body with everything.
 */
export function wireQuery(query: Query): Query {
  const { limit: _limit, page: _page, to_ids: toIds, ...rest } = query
  const flag = wireFlag(toIds)
  return { ...rest, returnFormat: 'json', ...(flag === undefined ? {} : { to_ids: flag }) }
}

/** MISP might take an empty list of events for no filter at all. */
export function asksForNothing({ eventid }: Query): boolean {
  return Array.isArray(eventid) && eventid.length === 0
}

function wireFlag(raw: unknown): unknown {
  if (raw === false || raw === null || raw === undefined) return undefined
  if (raw === true) return 1
  if (typeof raw !== 'string') return raw
  const word = raw.trim().toLowerCase()
  if (['1', 'yes', 'true'].includes(word)) return 1
  return ['0', 'no', 'false', ''].includes(word) ? 0 : raw
}
