/** Which ClickHouse is new enough: lightweight deletes, dictionaries by query, SQL security of views. */

export const OLDEST = '24.3'

export function isOldEnough(version: string): boolean {
  const [major, minor] = numbersIn(version)
  const [oldestMajor, oldestMinor] = numbersIn(OLDEST)
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
}

function numbersIn(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return [major || 0, minor || 0]
}
