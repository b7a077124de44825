/** What keys a schema knows at a path, read from its JSON Schema. */
import type { z } from 'zod'
import { isRecord, type Path, valueAt } from './path.js'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** The keys that the mapping at `path` may have. */
export function keysAt(root: JsonSchema, path: Path, data: unknown): string[] {
  let schemas = alternatives(root, data)
  for (const [depth, step] of path.entries()) {
    const value = valueAt(data, path.slice(0, depth + 1))
    schemas = schemas
      .flatMap((schema) => below(schema, step))
      .flatMap((schema) => alternatives(schema, value))
  }
  return [...new Set(schemas.flatMap(keysOf))]
}

function keysOf({ properties, propertyNames }: JsonSchema): string[] {
  const named = asSchema(propertyNames).enum ?? []
  return [...Object.keys(properties ?? {}), ...named.map(String)]
}

/** Where else in the schema a key of this name has its place: its owners' dotted names, the shortest first. */
export function ownersOf(root: JsonSchema, key: string): string[] {
  const owners: string[] = []
  const visit = (schema: JsonSchema, name: string): void => {
    for (const part of alternatives(schema, undefined)) {
      const properties = Object.entries(part.properties ?? {})
      if (name !== '' && properties.some(([known]) => known === key)) owners.push(name)
      for (const [step, child] of properties)
        visit(asSchema(child), name ? `${name}.${step}` : step)
      if (isRecord(part.items)) visit(asSchema(part.items), name)
    }
  }
  visit(root, '')
  const depth = (owner: string) => owner.split('.').length
  return [...new Set(owners)].sort((a, b) => depth(a) - depth(b))
}

/** The schema itself or, of a union, its options; of those told apart by a constant, the one meant. */
export function alternatives(schema: JsonSchema, value: unknown): JsonSchema[] {
  const options = (schema.oneOf ?? schema.anyOf)?.map(asSchema)
  if (!options) return [schema]
  const meant = options.filter((option) => isMeant(option, value))
  return (meant.length > 0 ? meant : options).flatMap((option) => alternatives(option, value))
}

function isMeant(option: JsonSchema, value: unknown): boolean {
  const constants = Object.entries(option.properties ?? {}).filter(
    ([, child]) => asSchema(child).const !== undefined,
  )
  return (
    isRecord(value) &&
    constants.length > 0 &&
    constants.every(([key, child]) => {
      const { const: constant, default: fallback } = asSchema(child)
      return constant === (value[key] ?? fallback)
    })
  )
}

function below(schema: JsonSchema, step: string | number): JsonSchema[] {
  if (typeof step === 'number') return isRecord(schema.items) ? [asSchema(schema.items)] : []
  const child = Object.entries(schema.properties ?? {}).find(([key]) => key === step)?.[1]
  if (child !== undefined) return [asSchema(child)]
  return isRecord(schema.additionalProperties) ? [asSchema(schema.additionalProperties)] : []
}

/** JSON Schema allows `true` for "anything". */
export function asSchema(schema: unknown): JsonSchema {
  return isRecord(schema) ? (schema as JsonSchema) : {}
}
