/**
 * Templates: `{value}` stands for a value, and that is all there is. What is put in is never read as a
 * template again. Pure.
 */
import { z } from 'zod'

/** The variables, with what the reference tells of them. */
export const VARIABLES = {
  kind: 'kind of the indicator, e.g. `domain`',
  value: 'the indicator',
  inside: 'who of ours met it: an address or name',
  network: 'the name under `networks` in which that lies',
  observable: 'what met the indicator, as log or flow had it',
  field: 'the field in which it stood',
  label: 'where it was seen: the label of logs, or the exporter of flows',
  count: 'how often',
  first: 'when first, in UTC',
  last: 'when last, in UTC',
  when: 'first, or first to last',
  events: 'the events: titles, with their UUIDs',
  links: "the events' pages in MISP, one a line",
  tlp: 'the widest TLP of its events',
  source: 'the sources of its events',
  hit: "tipline's own id of the newest hit",
  backscan: '"found in the past", or nothing',
  channel: 'the name of the channel',
} as const

export type Variable = keyof typeof VARIABLES
export type Values = Readonly<Record<Variable, string>>

const PLACEHOLDER = /\{([^{}\s]*)\}/g
const LONGEST = 4000

/** A text of the config in which only known variables stand. */
export function templateSetting(fallback: string) {
  return z.string().min(1).max(LONGEST).superRefine(refuseUnknown).default(fallback)
}

export function fill(template: string, values: Values): string {
  return template.replace(PLACEHOLDER, (whole, name: string) =>
    Object.hasOwn(values, name) ? values[name as Variable] : whole,
  )
}

function refuseUnknown(template: string, context: z.core.$RefinementCtx): void {
  const named = [...template.matchAll(PLACEHOLDER)].map(([, name = '']) => name)
  const unknown = named.find((name) => !Object.hasOwn(VARIABLES, name))
  if (unknown === undefined) return
  const known = Object.keys(VARIABLES).map((name) => `{${name}}`)
  context.addIssue({ code: 'custom', message: `expected only ${known.join(', ')}` })
}
