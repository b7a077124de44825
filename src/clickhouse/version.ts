/** Which ClickHouse is new enough: lightweight deletes of tables with projections. */

export const OLDEST = '24.8'

export function isOldEnough(version: string): boolean {
  return isSince(version, OLDEST)
}

function isSince(version: string, first: string): boolean {
  const [major, minor] = numbersIn(version)
  const [firstMajor, firstMinor] = numbersIn(first)
  return major > firstMajor || (major === firstMajor && minor >= firstMinor)
}

/** An older one refuses a setting that it does not know, and does without it what it asks for. */
const REMEMBERS_CONDITIONS = '25.3'

/** Where these addresses are not is not remembered: nobody asks for the same twice. */
export function searchSettings(version: string): { readonly use_query_condition_cache?: 0 } {
  return isSince(version, REMEMBERS_CONDITIONS) ? { use_query_condition_cache: 0 } : {}
}

function numbersIn(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return [major || 0, minor || 0]
}
