/** tipline.rb: one file, put together from the parts in `logstash/` of the package. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** In the order of reading. */
const PARTS = [
  'script',
  'settings',
  'enricher',
  'fields',
  'skip',
  'keys',
  'address',
  'names',
  'values',
  'url',
  'cache',
  'carriers',
  'teller',
] as const

/** The same for every config. */
export function scriptText(): string {
  return PARTS.map((part) => readFileSync(new URL(`${part}.rb`, folder()), 'utf8')).join('\n')
}

/** Compiled for tests, the sources stand one folder deeper than in the package. */
function folder(): URL {
  const places = ['../../logstash/', '../../../logstash/']
  const urls = places.map((place) => new URL(place, import.meta.url))
  const found = urls.find((url) => existsSync(fileURLToPath(new URL('script.rb', url))))
  if (found === undefined)
    throw new Error('the package is not whole: logstash/script.rb is missing')
  return found
}
