/** What of a config differs from the defaults of its schema. */
import { isDeepStrictEqual } from 'node:util'
import { alternatives, asSchema, type JsonSchema } from './keys.js'
import { isRecord } from './path.js'

/** A copy without what the schema would fill in by itself. */
export function withoutDefaults(value: unknown, schema: JsonSchema): unknown {
  const [meant = {}] = alternatives(schema, value)
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item, asSchema(meant.items)))
  if (!isRecord(value) || !meant.properties) return value
  const { properties } = meant
  const kept = Object.entries(value)
    .map(([key, child]) => [key, withoutDefaults(child, asSchema(properties[key])), child] as const)
    .filter(([key, rest, child]) => !isDefault(asSchema(properties[key]), rest, child))
  return Object.fromEntries(kept.map(([key, rest]) => [key, rest]))
}

/** A mapping of nothing but defaults is one itself where the schema lets it be left out. */
function isDefault(schema: JsonSchema, rest: unknown, whole: unknown): boolean {
  if (whole === undefined) return true
  if (!('default' in schema)) return false
  return isDeepStrictEqual(whole, schema.default) || isDeepStrictEqual(rest, schema.default)
}
