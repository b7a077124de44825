/**
 * The observables of a parsed line. This is the meaning of a field map; the scan of raw bytes
 * (assembly/scanner.ts) may only ever find more than this.
 *
 * A name is the path of a value through objects, joined with dots, whether the line nests or writes the
 * dots itself; arrays don't show in it. Only text is an observable.
 */
import { type Admission, admissionOf, type FieldMap, type UrlParts } from './field-map.js'
import { readHost } from './host.js'

export interface Observable {
  /** Name of the field in the line; of a URL put together, that of its path. */
  readonly field: string
  readonly text: string
  readonly admission: Admission
  /** Of the same side, as far as the line says; empty: it says nothing. */
  readonly ports: readonly number[]
  /** A URL whose host is looked up by another field. */
  readonly hostElsewhere: boolean
}

interface Field {
  /** In the field map. */
  readonly place: number
  readonly name: string
  readonly port: string | undefined
  readonly admission: Admission
}

/** What a line holds under the names that are asked for. */
type Values = ReadonlyMap<string, readonly string[]>

/** A name that is asked for, or the start of one. */
interface Step {
  readonly path: string
  isWanted: boolean
  /** Numbers count too. */
  isPort: boolean
  /** What an object there leads to by each of its keys: a label, or several with their dots. */
  readonly below: Map<string, Step>
}

export class Observer {
  /** By their names. */
  readonly #fields: ReadonlyMap<string, readonly Field[]>
  readonly #urls: readonly UrlParts[]
  readonly #root: Step

  /** Fields that stand for nothing the type table knows are left out. */
  constructor({ fields, urls }: FieldMap) {
    const known = fields.flatMap(({ name, as, port }, place): Field[] => {
      const admission = admissionOf(as)
      return admission === null ? [] : [{ place, name, port, admission }]
    })
    this.#fields = byName(known)
    this.#urls = urls
    const wanted = [...known.map(({ name }) => name), ...urls.flatMap(partsOf)]
    const ports = [...known, ...urls].map(({ port }) => port)
    this.#root = stepsTo(defined(wanted), defined(ports))
  }

  /**
   * In the order of the field map. `mayCount`: false for what need not be told of a field that holds
   * that text; of URLs that are put together it is not asked.
   */
  observe(document: object, mayCount: MayCount = always): Observable[] {
    const values = this.#read(document)
    if (values.size === 0) return []
    return [...this.#whole(values, mayCount), ...this.#assembled(values)]
  }

  #whole(values: Values, mayCount: MayCount): Observable[] {
    const found: { readonly field: Field; readonly texts: readonly string[] }[] = []
    for (const [name, all] of values) {
      const texts = all.filter((text) => mayCount(name, text))
      if (texts.length === 0) continue
      for (const field of this.#fields.get(name) ?? []) found.push({ field, texts })
    }
    found.sort((one, other) => one.field.place - other.field.place)
    return found.flatMap(({ field: { name, port, admission }, texts }) => {
      const ports = portsIn(values, port)
      return texts.map((text) => ({ field: name, text, admission, ports, hostElsewhere: false }))
    })
  }

  #assembled(values: Values): Observable[] {
    return this.#urls.flatMap((parts) =>
      urlsOf(values, parts).map((text) => ({
        field: parts.path,
        text,
        admission: WHOLE_URL,
        ports: [],
        hostElsewhere: true,
      })),
    )
  }

  #read(document: object): Values {
    const values = new Map<string, string[]>()
    collect(document, this.#root, values)
    return values
  }
}

type MayCount = (field: string, text: string) => boolean
const always: MayCount = () => true

/** One function for all: of several that call each other, V8 compiles many copies into one another. */
function collect(value: unknown, step: Step, values: Map<string, string[]>): void {
  if (typeof value === 'string' || (typeof value === 'number' && step.isPort)) {
    const known = values.get(step.path)
    if (known) known.push(String(value))
    else if (step.isWanted) values.set(step.path, [String(value)])
  } else if (Array.isArray(value)) {
    for (const item of itemsIn(value)) collect(item, step, values)
  } else if (typeof value === 'object' && value !== null) {
    for (const key of Object.keys(value)) {
      const next = step.below.get(key)
      if (next) collect((value as Readonly<Record<string, unknown>>)[key], next, values)
    }
  }
}

/** By every way in which a line may nest a name or write its dots. */
function stepsTo(names: readonly string[], ports: readonly string[]): Step {
  const root = newStep('')
  const steps = new Map<string, Step>()
  for (const name of new Set([...names, ...ports])) {
    const labels = name.split('.')
    const way = labels.map((_, at) => stepAt(steps, labels.slice(0, at + 1).join('.')))
    for (const [to, step] of way.entries()) {
      for (let from = 0; from <= to; from += 1) {
        const start = from === 0 ? root : way[from - 1]!
        start.below.set(labels.slice(from, to + 1).join('.'), step)
      }
    }
    way.at(-1)!.isWanted = true
  }
  for (const port of ports) steps.get(port)!.isPort = true
  return root
}

function stepAt(steps: Map<string, Step>, path: string): Step {
  const known = steps.get(path)
  if (known) return known
  const step = newStep(path)
  steps.set(path, step)
  return step
}

function newStep(path: string): Step {
  return { path, isWanted: false, isPort: false, below: new Map() }
}

function byName(fields: readonly Field[]): Map<string, Field[]> {
  const names = new Map<string, Field[]>()
  for (const field of fields) names.set(field.name, [...(names.get(field.name) ?? []), field])
  return names
}

/** In their order, without arrays in arrays: a line may hold so many of them that no stack would do. */
function itemsIn(array: readonly unknown[]): readonly unknown[] {
  if (!array.some(Array.isArray)) return array
  const items: unknown[] = []
  const rest: unknown[] = [array]
  while (rest.length > 0) {
    const next = rest.pop()
    if (!Array.isArray(next)) items.push(next)
    else for (let at = next.length - 1; at >= 0; at--) rest.push(next[at])
  }
  return items
}

const WHOLE_URL = admissionOf('url.full')!

function partsOf({ path, host, query, scheme, port, unless = [] }: UrlParts) {
  return [path, host, query, scheme, port, ...unless]
}

function defined(names: readonly (string | undefined)[]): string[] {
  return names.flatMap((name) => name ?? [])
}

/** A port that can't be is none. */
function portsIn(values: Values, name: string | undefined): readonly number[] {
  const texts = name === undefined ? undefined : values.get(name)
  if (texts === undefined) return NO_PORTS
  return texts.map(Number).filter((port) => Number.isInteger(port) && port > 0 && port < 65_536)
}

const NO_PORTS: readonly number[] = []

function urlsOf(values: Values, parts: UrlParts): string[] {
  if (parts.unless?.some((name) => isThere(values, name))) return []
  const paths = (values.get(parts.path) ?? []).filter((path) => path.startsWith('/'))
  if (paths.length === 0) return []
  const [scheme, query] = [first(values, parts.scheme), first(values, parts.query)]
  const [port] = portsIn(values, parts.port)
  const hosts = (values.get(parts.host) ?? []).filter((host) => readHost(host) !== null)
  return hosts.flatMap((host) => {
    const named = withPort(host, scheme === undefined && isUsual(port) ? undefined : port)
    const origin = scheme === undefined ? named : `${scheme}://${named}`
    return paths.map((path) => `${origin}${path}${queryOf(path, query)}`)
  })
}

/** A path does not count: `url.original` often is one. */
function isThere(values: Values, name: string): boolean {
  return values.get(name)?.some((text) => !text.startsWith('/')) ?? false
}

function first(values: Values, name: string | undefined): string | undefined {
  return name === undefined ? undefined : values.get(name)?.[0]
}

function queryOf(path: string, query: string | undefined): string {
  if (query === undefined || query === '' || path.includes('?')) return ''
  return query.startsWith('?') ? query : `?${query}`
}

/** It says nothing that a scheme would not say, and would keep a URL without one from meeting both. */
function isUsual(port: number | undefined): boolean {
  return port === 80 || port === 443
}

function withPort(host: string, port: number | undefined): string {
  const isBareIpv6 = host.split(':').length > 2 && !host.startsWith('[')
  const name = isBareIpv6 ? `[${host}]` : host
  return port === undefined || /:\d{1,5}$/.test(name) ? name : `${name}:${port}`
}
