/** Fields of one's own for `tipline enrich`, in a file. */
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { UsageError } from '../errors.js'
import { printable } from '../log.js'
import { admissionOf, type FieldMap } from '../match/logs/field-map.js'
import { extended, PRESET_NAMES, PRESETS, type PresetName } from '../match/logs/presets.js'

const fieldName = z.string().trim().min(1)

const ownField = z.union([
  z.string().transform((as) => ({ as, port: undefined })),
  z.strictObject({ as: z.string(), port: fieldName.optional() }),
])

const ownUrl = z.strictObject({
  path: fieldName,
  host: fieldName,
  query: fieldName.optional(),
  scheme: fieldName.optional(),
  port: fieldName.optional(),
  unless: z.array(fieldName).optional(),
})

/** A file of `--fields`: adds to a preset, or stands alone. */
const ownFields = z.strictObject({
  preset: z.enum(PRESET_NAMES).optional(),
  fields: z.record(fieldName, ownField).default({}),
  urls: z.array(ownUrl).default([]),
})

/** Added to `preset`, or to the one that the file names. @throws UsageError */
export async function readFields(file: string, preset: PresetName | undefined): Promise<FieldMap> {
  const own = parseFields(await textOf(file), file)
  const base = preset ?? own.preset
  if (base === undefined && own.fields.length + own.urls.length === 0) {
    throw wrong(file, 'it names no field and no preset')
  }
  return base === undefined ? own : extended(PRESETS[base], own)
}

/** @throws UsageError */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw wrong(file, `can't be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
}

/** @throws UsageError */
export function parseFields(
  text: string,
  file: string,
): FieldMap & { readonly preset: PresetName | undefined } {
  const result = ownFields.safeParse(parsed(text, file))
  if (!result.success) throw wrong(file, firstIssue(result.error))
  const fields = Object.entries(result.data.fields).map(([name, { as, ...more }]) => {
    if (admissionOf(as) === null) {
      throw wrong(
        file,
        `${name}: ${JSON.stringify(as)} is neither a field of ECS nor a kind of indicator`,
      )
    }
    return { name, as, ...(more.port !== undefined && { port: more.port }) }
  })
  const { preset, urls } = result.data
  return { preset, fields, urls: urls.map(withoutUndefined) as FieldMap['urls'] }
}

function parsed(text: string, file: string): unknown {
  try {
    return parse(text) ?? {}
  } catch (error) {
    throw wrong(file, error instanceof Error ? error.message.split('\n')[0]! : 'no YAML')
  }
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues
  return issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : 'unreadable'
}

function wrong(file: string, why: string): UsageError {
  return new UsageError({
    what: `the fields in ${printable(file)} can't be used: ${printable(why)}`,
    hint: 'docs/guides/logs.md shows such a file',
  })
}

function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}
