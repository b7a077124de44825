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

export class Observer {
  /** By their names. */
  readonly #fields: ReadonlyMap<string, readonly Field[]>
  readonly #urls: readonly UrlParts[]
  readonly #ports: ReadonlySet<string>
  readonly #wanted: ReadonlySet<string>
  readonly #prefixes: ReadonlySet<string>

  /** Fields that stand for nothing the type table knows are left out. */
  constructor({ fields, urls }: FieldMap) {
    const known = fields.flatMap(({ name, as, port }, place): Field[] => {
      const admission = admissionOf(as)
      return admission === null ? [] : [{ place, name, port, admission }]
    })
    this.#fields = byName(known)
    this.#urls = urls
    this.#ports = new Set([...known, ...urls].flatMap(({ port }) => port ?? []))
    const names = known.flatMap(({ name, port }) => [name, port])
    this.#wanted = new Set([...names, ...urls.flatMap(partsOf)].flatMap((name) => name ?? []))
    this.#prefixes = new Set([...this.#wanted].flatMap(prefixesOf))
  }

  /** In the order of the field map. */
  observe(document: object): Observable[] {
    const values = this.#read(document)
    if (values.size === 0) return []
    return [...this.#whole(values), ...this.#assembled(values)]
  }

  #whole(values: Values): Observable[] {
    const found = [...values.keys()].flatMap((name) => this.#fields.get(name) ?? [])
    found.sort((one, other) => one.place - other.place)
    return found.flatMap(({ name, port, admission }) => {
      const ports = portsIn(values, port)
      return values
        .get(name)!
        .map((text) => ({ field: name, text, admission, ports, hostElsewhere: false }))
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
    const walk = (value: unknown, path: string): void => {
      if (typeof value === 'string' || (typeof value === 'number' && this.#ports.has(path))) {
        const known = values.get(path)
        if (known) known.push(String(value))
        else if (this.#wanted.has(path)) values.set(path, [String(value)])
      } else if (Array.isArray(value)) for (const item of itemsIn(value)) walk(item, path)
      else if (value !== null && typeof value === 'object') enter(value, `${path}.`)
    }
    const enter = (object: object, prefix: string): void => {
      for (const [key, value] of Object.entries(object)) {
        const path = prefix + key
        if (this.#wanted.has(path) || this.#prefixes.has(path)) walk(value, path)
      }
    }
    enter(document, '')
    return values
  }
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

function prefixesOf(name: string): string[] {
  const labels = name.split('.')
  return labels.slice(1).map((_, at) => labels.slice(0, at + 1).join('.'))
}

/** A port that can't be is none. */
function portsIn(values: Values, name: string | undefined): number[] {
  const texts = (name !== undefined && values.get(name)) || []
  return texts.map(Number).filter((port) => Number.isInteger(port) && port > 0 && port < 65_536)
}

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
