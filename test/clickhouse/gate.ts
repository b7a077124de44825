/**
 * A way to a test's engine as to a server: HTTP, or HTTPS, on loopback. It passes on what it is asked,
 * and can do what the engine by itself can not: have users who may do less, and certificates.
 */
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface GateOptions {
  /** Path of the engine's socket, asked anew with each request. */
  readonly socket: () => string
  /** Default: any free one. */
  readonly port?: number
  /** PEM; with it the gate speaks HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

export class Gate {
  #refuses: (sql: string) => string | null = () => null
  readonly #socket: GateOptions['socket']
  readonly #server: Server

  static async open(options: GateOptions): Promise<Gate> {
    const gate = new Gate(options)
    gate.#server.listen(options.port ?? 0, '127.0.0.1')
    await once(gate.#server, 'listening')
    return gate
  }

  private constructor({ socket, tls }: GateOptions) {
    this.#socket = socket
    const serve = (asked: IncomingMessage, answer: ServerResponse) =>
      void this.#serve(asked, answer)
    this.#server = tls
      ? createSecureServer({ ...tls, maxHeaderSize: MOST }, serve)
      : createServer({ maxHeaderSize: MOST }, serve)
  }

  /** ClickHouse's words for a statement that the user may not run; null: it may. */
  refuse(refuses: (sql: string) => string | null): void {
    this.#refuses = refuses
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await buffer(asked)
    const url = new URL(asked.url ?? '/', 'http://engine')
    const refusal = this.#refuses(`${url.searchParams.get('query') ?? ''} ${body.toString('utf8')}`)
    if (refusal !== null) {
      answer.writeHead(403, { 'content-type': 'text/plain' }).end(refusal)
      return
    }
    const { url: path, method } = asked
    const passed = request(
      { socketPath: this.#socket(), path, method, headers: asked.headers },
      (told) => {
        answer.writeHead(told.statusCode ?? 502, told.headers)
        told.pipe(answer)
      },
    )
    passed.on('error', () => answer.destroy())
    passed.end(body)
  }
}

/** Of the address, where the statement of an INSERT stands. */
const MOST = 1024 * 1024
