/** Which ClickHouse is new enough: lightweight deletes, dictionaries by query, SQL security of views. */

export const OLDEST = '24.3'

export function isOldEnough(version: string): boolean {
  return isSince(version, OLDEST)
}

function isSince(version: string, first: string): boolean {
  const [major, minor] = numbersIn(version)
  const [firstMajor, firstMinor] = numbersIn(first)
  return major > firstMajor || (major === firstMajor && minor >= firstMinor)
}

/** Others refuse a setting that they do not know, and do without it what it asks for. */
const READS_INDEXES_LATE = '26.1'
const REMEMBERS_CONDITIONS = '25.3'

interface SearchSettings {
  readonly use_skip_indexes_on_data_read?: 0
  readonly use_query_condition_cache?: 0
}

/**
 * That skip indexes are read before the data, by all threads at once: read with the data, as newer
 * versions do by themselves, a Bloom filter over ten addresses takes half as much CPU again. And that
 * nothing is remembered of where these addresses are not: nobody asks for the same twice.
 */
export function searchSettings(version: string): SearchSettings {
  return {
    ...(isSince(version, READS_INDEXES_LATE) && { use_skip_indexes_on_data_read: 0 }),
    ...(isSince(version, REMEMBERS_CONDITIONS) && { use_query_condition_cache: 0 }),
  }
}

function numbersIn(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return [major || 0, minor || 0]
}
