/** Where a memcached listens. */
export interface Address {
  /** As it is told to people: `host:port`, `[v6]:port`, or the path of a unix socket. */
  readonly name: string
  readonly connect: { readonly host: string; readonly port: number } | { readonly path: string }
}

const DEFAULT_PORT = 11211
const BRACKETED = /^\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?$/
const HOST = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/

/** `host`, `host:port`, `[v6]`, `[v6]:port` or an absolute path; null for anything else. */
export function parseAddress(text: string): Address | null {
  if (text.startsWith('/')) return { name: text, connect: { path: text } }
  const match = BRACKETED.exec(text) ?? HOST.exec(text)
  if (match?.[1] === undefined) return null
  const port = match[2] === undefined ? DEFAULT_PORT : Number(match[2])
  if (port < 1 || port > 65_535) return null
  return { name: addressText(match[1], port), connect: { host: match[1], port } }
}

/** Host and port as one text that `parseAddress` reads, for configs that keep them apart. */
export function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
