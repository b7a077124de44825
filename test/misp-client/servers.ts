/** Small servers on loopback, for what the stand-in MISP does not do: TLS, a proxy, any answer at all. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Issued } from './certs.js'

export interface Running {
  readonly port: number
  readonly server: NetServer
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>
  close(): Promise<void>
}

export function serve(listener: RequestListener): Promise<Running> {
  return start(createServer(listener))
}

export function serveTls(issued: Issued, listener: RequestListener): Promise<Running> {
  return start(createTlsServer({ cert: issued.cert, key: issued.key }, listener))
}

export interface Proxy extends Running {
  /** `CONNECT host:port` and `POST http://...`, as asked. */
  readonly asked: string[]
  readonly authorizations: (string | undefined)[]
}

/** A forward proxy; `status` other than 200 refuses every tunnel. */
export async function startProxy({ status = 200 } = {}): Promise<Proxy> {
  const asked: string[] = []
  const authorizations: (string | undefined)[] = []
  const note = (request: IncomingMessage) => {
    asked.push(`${request.method} ${request.url}`)
    authorizations.push(request.headers['proxy-authorization'])
  }
  const server = createServer((request, response) => {
    note(request)
    response.setHeader('content-type', 'application/json')
    response.end('{"version":"by proxy"}')
  })
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    note(request)
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} Refused\r\n\r\n`)
      return
    }
    const upstream = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1')
    upstream.on('connect', () => client.write('HTTP/1.1 200 OK\r\n\r\n'))
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.pipe(upstream).pipe(client)
  })
  return { ...(await start(server)), asked, authorizations }
}

/** The whole body of a request as text. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

async function start(server: NetServer): Promise<Running> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    for (const socket of open) socket.destroy()
    server.close()
    if (server.listening) await once(server, 'close')
  }
  return { port, server, open, close }
}
