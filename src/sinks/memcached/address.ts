/** Where a memcached listens, and how much of a ring it takes. */
export interface Address {
  /** As it is told to people: `host:port`, `[v6]:port`, or the path of a unix socket. */
  readonly name: string
  /** What Dalli calls it, without brackets; its places on the ring come of this. */
  readonly ringName: string
  /** Its share of the ring, by that of the others. */
  readonly weight: number
  readonly connect: { readonly host: string; readonly port: number } | { readonly path: string }
}

const DEFAULT_PORT = 11211
const MOST_WEIGHT = 1000
const BRACKETED = /^\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?(?::(\d{1,4}))?$/
const HOST = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?(?::(\d{1,4}))?$/
/** Dalli takes what follows a colon for a weight. */
const SOCKET = /^(\/[^:]+)(?::(\d{1,4}))?$/

/**
 * As Dalli reads it: `host[:port[:weight]]`, `[v6][:port[:weight]]` or an absolute path, `[:weight]`
 * behind it; null for anything else.
 */
export function parseAddress(text: string): Address | null {
  const [, path, share] = SOCKET.exec(text) ?? []
  if (path !== undefined) return weighed({ name: path, ringName: path, connect: { path } }, share)
  const [, host, portText, weight] = BRACKETED.exec(text) ?? HOST.exec(text) ?? []
  if (host === undefined) return null
  const port = portText === undefined ? DEFAULT_PORT : Number(portText)
  if (port < 1 || port > 65_535) return null
  const ringName = `${host}:${port}`
  return weighed({ name: addressText(host, port), ringName, connect: { host, port } }, weight)
}

function weighed(place: Omit<Address, 'weight'>, text: string | undefined): Address | null {
  const weight = text === undefined ? 1 : Number(text)
  return weight < 1 || weight > MOST_WEIGHT ? null : { ...place, weight }
}

/** Host and port as one text that `parseAddress` reads, for configs that keep them apart. */
export function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
