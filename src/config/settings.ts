/** Every setting there is, section by section, as reference and examples tell of them. */
import { asSchema, type JsonSchema } from './keys.js'
import { configJsonSchema } from './schema.js'
import { oneOf } from './wording.js'

export interface Setting {
  readonly key: string
  readonly about: string
  /** In words: `a text`, `true or false`, `ids or json`. */
  readonly type: string
  /** Undefined where there is none. */
  readonly fallback: unknown
  readonly required: boolean
  /** Of a mapping of settings, or a list of such. */
  readonly sections: readonly Section[]
}

export interface Section {
  /** `policy.max_age`; of a list's items `sources[]`; empty for the whole config. */
  readonly name: string
  /** The type of source that it belongs to, e.g. `misp`. */
  readonly option: string | undefined
  readonly about: string
  readonly settings: readonly Setting[]
}

/** The whole config; the other sections hang below. */
export function configSection(): Section {
  return sectionOf(configJsonSchema(), { name: '', about: '', option: undefined })
}

type Heading = Pick<Section, 'name' | 'about' | 'option'>

function sectionOf(schema: JsonSchema, { name, about, option: outer }: Heading): Section {
  const entries = Object.entries(schema.properties ?? {}).map(
    ([key, child]) => [key, asSchema(child)] as const,
  )
  const distinction = entries.map(([, child]) => child).find((child) => child.const !== undefined)
  const option = distinction === undefined ? outer : String(distinction.const)
  return {
    name,
    option,
    about: distinction?.description ?? about,
    settings: entries.map(([key, child]) => ({
      key,
      about: child.description ?? '',
      type: typeText(child),
      fallback: child.default,
      required: schema.required?.includes(key) ?? false,
      sections: sectionsIn(child, name === '' ? key : `${name}.${key}`, option),
    })),
  }
}

function sectionsIn(schema: JsonSchema, name: string, option: string | undefined): Section[] {
  const about = schema.description ?? ''
  if (schema.properties) return [sectionOf(schema, { name, about, option })]
  const items = asSchema(schema.items)
  return [...(items.oneOf ?? []), items]
    .map(asSchema)
    .filter((item) => item.properties !== undefined)
    .map((item) => sectionOf(item, { name: `${name}[]`, about, option }))
}

function typeText(schema: JsonSchema): string {
  const options = schema.anyOf ?? schema.oneOf
  if (options) return oneOf([...new Set(options.map(asSchema).map(typeText))])
  if (schema.const !== undefined) return String(schema.const)
  if (schema.enum) return oneOf(schema.enum)
  switch (schema.type) {
    case 'string':
      return textType(schema.pattern)
    case 'boolean':
      return 'true or false'
    case 'integer':
      return `whole number${rangeText(schema)}`
    case 'number':
      return `number${rangeText(schema)}`
    case 'array':
      return listType(asSchema(schema.items))
    default:
      return mappingType(schema)
  }
}

/** Durations are texts of a pattern; each part of the config has its own. */
function textType(pattern: string | undefined): string {
  const fits = (text: string) => pattern !== undefined && new RegExp(pattern).test(text)
  if (!fits('12h') || fits('text')) return 'text'
  return fits('never') ? 'duration or never' : 'duration'
}

function rangeText({ minimum, maximum }: JsonSchema): string {
  const from = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER
  const to = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  if (from && to) return ` from ${minimum} to ${maximum}`
  if (from) return ` from ${minimum}`
  return to ? ` up to ${maximum}` : ''
}

function listType(items: JsonSchema): string {
  if (items.properties || items.oneOf) return 'list of mappings'
  return items.enum ? `list of ${oneOf(items.enum)}` : `list of ${typeText(items)}s`
}

function mappingType({ properties, additionalProperties }: JsonSchema): string {
  const values = asSchema(additionalProperties)
  if (properties || Object.keys(values).length === 0) return 'mapping'
  return `mapping of name to ${typeText(values)}`
}
