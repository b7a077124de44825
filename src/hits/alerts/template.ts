/**
 * Templates: `{value}` stands for a value, and that is all there is. What is put in is never read as a
 * template again. Pure.
 */
import { z } from 'zod'
import { printable } from '../../log.js'
import { clipped } from './foreign.js'

const PLACEHOLDER = /\{([^{}]*)\}/g
const LONGEST = 4000
const LONGEST_SHOWN = 40

/** Names that a template may use. */
export type Values = Readonly<Record<string, string>>

/** A text of the config in which only these names stand in braces. */
export function templateSetting(fallback: string, names: readonly string[]) {
  return z
    .string()
    .min(1)
    .max(LONGEST)
    .superRefine((template, context) => refuseUnknown(template, names, context))
    .default(fallback)
}

export function fill(template: string, values: Values): string {
  return template.replace(PLACEHOLDER, (whole, name: string) =>
    Object.hasOwn(values, name) ? values[name]! : whole,
  )
}

/** One that is mistyped would be read by people, at night, in the place of the value. */
function refuseUnknown(
  template: string,
  names: readonly string[],
  context: z.core.$RefinementCtx,
): void {
  const written = [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name)
  const known = names.map((name) => `{${name}}`)
  for (const name of new Set(written.filter((name) => !names.includes(name)))) {
    const wrote = `{${clipped(printable(name), LONGEST_SHOWN)}}`
    const message = `nothing is called ${wrote} here`
    context.addIssue({ code: 'custom', message, params: { wrote, known } })
  }
  if (/[{}]/.test(template.replace(PLACEHOLDER, ''))) {
    const message = 'expected braces around names only, one on each side'
    context.addIssue({ code: 'custom', message })
  }
}
