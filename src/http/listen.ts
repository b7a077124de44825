/** From a socket to the app: plain or TLS, TCP or a unix socket, with patience that ends. */

import { once } from 'node:events'
import { chmodSync, lstatSync, rmSync, unwatchFile, watchFile } from 'node:fs'
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import { connect, Server as NetServer } from 'node:net'
import { createSecureContext } from 'node:tls'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { ListenError, UsageError } from '../errors.js'
import type { Logger } from '../log.js'
import { readPem } from '../net.js'
import type { App } from './app.js'
import type { HttpSettings, ListenAddress } from './settings.js'

export interface ListenOptions {
  /** Asked for each request, so that a reload changes it between two. */
  readonly app: () => Pick<App, 'fetch' | 'quick'>
  readonly address: ListenAddress
  /** It is the socket in the data folder: who can open it may do all. */
  readonly own: boolean
  readonly tls?: HttpSettings['tls']
  readonly connections: number
  readonly log: Logger
}

export interface Listening {
  /** `http://127.0.0.1:8787` or `unix:/path`. */
  readonly url: string
  /** Goes by these from the next connection on. @throws ListenError: all is as it was before */
  adjust(door: Door): void
  /** Takes no more; what is under way may end within the time. */
  close(graceMs: number): Promise<void>
  /** The same without haste: who is connected may ask once more, and is told to connect anew. */
  retire(graceMs: number): Promise<void>
}

/** What can change while it listens. With TLS or without is how it began. */
type Door = Pick<ListenOptions, 'tls' | 'connections'>

/** @throws ListenError */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { address, app, own, tls, log } = options
  const fetched = getRequestListener(
    (request, env) => app().fetch(request, { ...(env as HttpBindings), own }),
    { overrideGlobalObjects: false },
  )
  let isRetiring = false
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (isRetiring) outgoing.shouldKeepAlive = false
    if (!app().quick(incoming, outgoing, { own })) void fetched(incoming, outgoing)
  }
  const server = tls
    ? createSecureServer({ ...PATIENCE, ...certificateOf(tls) }, answer)
    : createServer(PATIENCE, answer)
  limit(server, options.connections)
  await bind(server, address)
  // The machine may be short of something for a moment: that is no reason to end.
  server.on('error', (error) => log.error({ err: error }, 'could not take a connection'))
  let certificate = tls ? new Certificate(server as SecureServer, tls, log) : null
  return {
    url: urlOf(server, address, tls !== undefined),
    adjust(door) {
      if (certificate && door.tls) certificate = certificate.follow(door.tls)
      server.maxConnections = door.connections
    },
    async close(graceMs) {
      certificate?.close()
      await stop(server, graceMs)
    },
    async retire(graceMs) {
      certificate?.close()
      isRetiring = true
      await letGo(server, graceMs)
    },
  }
}

/**
 * Headers have to come soon; bodies see to it themselves (`body.ts`), since a stream of logs may last
 * for days.
 */
const PATIENCE: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 0,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16_384,
}

/** A connection over which nothing moves at all. */
const SILENCE_MS = 5 * 60_000

function limit(server: Server, connections: number): void {
  server.maxConnections = connections
  server.maxRequestsPerSocket = 0
  server.setTimeout(SILENCE_MS)
  server.on('request', endTalkers)
}

/** For who was answered before it had sent all: long enough to read the answer, and to send the rest. */
const LINGER_MS = 5000

/** A body that nobody waits for any more, refused or not wanted, must not hold the connection for ever. */
function endTalkers(incoming: IncomingMessage, outgoing: ServerResponse): void {
  // Nothing that tells a length: there is no body.
  if (!('content-length' in incoming.headers || 'transfer-encoding' in incoming.headers)) return
  outgoing.once('finish', () => {
    if (incoming.complete) return
    const late = setTimeout(() => {
      if (!incoming.complete) incoming.socket.destroy()
    }, LINGER_MS)
    incoming.socket.once('close', () => clearTimeout(late))
  })
}

async function bind(server: Server, address: ListenAddress): Promise<void> {
  try {
    if (address.kind === 'unix') await bindSocket(server, address.path)
    else {
      server.listen(address.port, address.host)
      await once(server, 'listening')
    }
  } catch (cause) {
    const where = address.kind === 'unix' ? address.path : `${address.host}:${address.port}`
    const { code = '' } = cause as NodeJS.ErrnoException
    throw new ListenError({
      what: `can not listen on ${where}${code === '' ? '' : ` (${code})`}`,
      hint: HINTS[code] ?? 'check `http.listen` in the config',
      cause,
    })
  }
}

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there: stop it, or change `http.listen`',
  EADDRNOTAVAIL: 'this machine has no such address: change `http.listen`',
  EACCES: 'take a port above 1023, or a folder that this user may write to',
  ENAMETOOLONG: 'the path of a socket may have about 100 characters: use a shorter one',
  EINVAL: 'the path of a socket may have about 100 characters: use a shorter one',
}

/** Only its owner may open it, from the first moment on. What a dead process left behind is taken away. */
async function bindSocket(server: Server, path: string): Promise<void> {
  if (await isAbandoned(path)) rmSync(path)
  const before = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(before)
  }
  await once(server, 'listening')
  chmodSync(path, 0o600)
}

async function isAbandoned(path: string): Promise<boolean> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return false
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

/** @throws ListenError for one that is of no use */
export function checkCertificate(tls: NonNullable<HttpSettings['tls']>): void {
  certificateOf(tls)
}

function certificateOf({ cert_file, privkey_file }: NonNullable<HttpSettings['tls']>) {
  try {
    const cert = readPem('http.tls.cert_file', cert_file)
    const pair = { cert, key: readPem('http.tls.privkey_file', privkey_file) }
    createSecureContext(pair)
    return pair
  } catch (cause) {
    if (cause instanceof UsageError) {
      const { message: what, hint } = cause
      throw new ListenError({ what, ...(hint && { hint }), cause })
    }
    throw new ListenError({
      what: `${cert_file} and ${privkey_file} are no certificate with its key`,
      hint: 'both in PEM form, the key without a password',
      cause,
    })
  }
}

/** How often it is looked whether the files have changed. */
const LOOK_MS = 10_000

class Certificate {
  readonly #server: SecureServer
  readonly #tls: NonNullable<HttpSettings['tls']>
  readonly #log: Logger

  constructor(server: SecureServer, tls: NonNullable<HttpSettings['tls']>, log: Logger) {
    this.#server = server
    this.#tls = tls
    this.#log = log
    // Whichever is written last makes the pair whole.
    for (const file of filesOf(tls)) {
      watchFile(file, { interval: LOOK_MS, persistent: false }, this.#changed)
    }
  }

  close(): void {
    for (const file of filesOf(this.#tls)) unwatchFile(file, this.#changed)
  }

  /**
   * Reads these from now on. Where the same are of no use just now, what was read before stays.
   * @throws ListenError for others that are of no use
   */
  follow(tls: NonNullable<HttpSettings['tls']>): Certificate {
    if (JSON.stringify(tls) === JSON.stringify(this.#tls)) {
      this.reload()
      return this
    }
    this.#server.setSecureContext(certificateOf(tls))
    this.close()
    return new Certificate(this.#server, tls, this.#log)
  }

  reload(): void {
    try {
      this.#server.setSecureContext(certificateOf(this.#tls))
      this.#log.info({ cert_file: this.#tls.cert_file }, 'read the certificate again')
    } catch (error) {
      // Half-way through a renewal the two files may not fit.
      this.#log.error({ err: error }, 'the new certificate is of no use; the old one stays')
    }
  }

  readonly #changed = () => this.reload()
}

function filesOf({ cert_file, privkey_file }: NonNullable<HttpSettings['tls']>): string[] {
  return [cert_file, privkey_file]
}

function urlOf(server: Server, address: ListenAddress, secure: boolean): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  const { port } = server.address() as { port: number }
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${secure ? 'https' : 'http'}://${host}:${port}`
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const late = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(late)
}

/** Whose connection has been idle for so long is not just about to ask. */
const IDLE_MS = 1000

/** Unlike the server's own `close`, it does not cut off who is between two requests. */
async function letGo(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close')
  NetServer.prototype.close.call(server)
  const idle = setTimeout(() => server.closeIdleConnections(), Math.min(IDLE_MS, graceMs))
  const late = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearTimeout(idle)
  clearTimeout(late)
  // It ends what looks after its connections.
  server.close()
}
