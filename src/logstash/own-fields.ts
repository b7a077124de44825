/**
 * A file that says which of one's own fields stand for which field of ECS, or hold values of which
 * namespace:
 *
 *     "[id.orig_h]": source.ip      # one field whose name has a dot in it
 *     "[id.orig_p]": source.port    # the port that goes with it
 *     zeek.ssl.ja3s_hash: ja3       # nested: [zeek][ssl][ja3s_hash]
 */
import { nearest } from '../config/nearest.js'
import { isRecord } from '../config/path.js'
import { parseYaml } from '../config/yaml.js'
import { ConfigError, type ConfigProblem } from '../errors.js'
import { MATCHABLE } from '../indicators/matchable.js'
import { printable } from '../log.js'
import {
  isEcsField,
  isSpace,
  type LookupField,
  meaningOfEcs,
  meaningOfSpace,
  PORT_FIELDS,
  portOfEcs,
  referenceOf,
  type Served,
} from './fields.js'

/** @throws ConfigError with every problem in the file */
export function readOwnFields(text: string, file: string, served: Served): LookupField[] {
  const parsed = parseYaml(text)
  if (!parsed.ok) throw fieldsError(file, parsed.problems)
  const { data, keyPlaceOf, placeOf } = parsed.tree
  if (!isRecord(data) || Object.keys(data).length === 0) {
    const message = 'expected a field and what it stands for, e.g. "[id.orig_h]": source.ip'
    throw fieldsError(file, [{ line: 1, column: 1, message }])
  }
  const problems: ConfigProblem[] = []
  for (const [name, meaning] of Object.entries(data)) {
    if (pathOf(name) === null) problems.push({ ...keyPlaceOf([name]), ...NO_FIELD })
    const fault = faultOf(meaning)
    if (fault !== null) problems.push({ ...placeOf([name]), ...fault })
  }
  if (problems.length > 0) throw fieldsError(file, problems)
  return fieldsOf(data as Record<string, string>, served)
}

const NO_FIELD = {
  message: 'not the name of a field',
  hint: 'write source.ip or [source][ip]; a name with a dot in it stands in brackets: [id.orig_h]',
}

const SPACES = MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space))
const KNOWN = [...new Set([...MATCHABLE.flatMap(({ ecs }) => ecs), ...PORT_FIELDS, ...SPACES])]

function fieldsOf(own: Record<string, string>, served: Served): LookupField[] {
  const ports = new Map<string, string>()
  for (const [name, meaning] of Object.entries(own)) {
    if (PORT_FIELDS.includes(meaning)) ports.set(meaning, referenceOf(pathOf(name) ?? []))
  }
  return Object.entries(own).flatMap(([name, meaning]) => {
    if (PORT_FIELDS.includes(meaning)) return []
    const means = isEcsField(meaning)
      ? meaningOfEcs(meaning, served)
      : meaningOfSpace(meaning, served)
    if (means.types.length === 0) return []
    const port = ports.get(portOfEcs(meaning) ?? '')
    return [{ name, path: pathOf(name) ?? [], ...means, ...(port !== undefined && { port }) }]
  })
}

/** null: it is no field's name. */
function pathOf(name: string): string[] | null {
  if (/^(?:\[[^[\]\p{Cc}]+\])+$/u.test(name)) return name.slice(1, -1).split('][')
  return /^[^[\]\p{Cc}.]+(?:\.[^[\]\p{Cc}.]+)*$/u.test(name) ? name.split('.') : null
}

function faultOf(meaning: unknown): { message: string; hint: string } | null {
  const hint = 'docs/reference/types.md lists fields of ECS and namespaces (without misp-)'
  if (typeof meaning !== 'string')
    return { message: 'expected a field of ECS or a namespace', hint }
  if (isEcsField(meaning) || PORT_FIELDS.includes(meaning) || isSpace(meaning)) return null
  const meant = nearest(meaning, KNOWN)
  const message = `${printable(JSON.stringify(meaning.slice(0, 60)))} is neither a field of ECS that can be looked up nor a namespace`
  return { message, hint: meant === undefined ? hint : `did you mean "${meant}"?` }
}

function fieldsError(file: string, problems: readonly ConfigProblem[]): ConfigError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  return new ConfigError({ what: `the fields in ${printable(file)} have ${count}`, file, problems })
}
