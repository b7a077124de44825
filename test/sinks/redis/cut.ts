/** Stands between a sink and its server, and cuts the line after so many bytes: a kill at any moment. */
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../servers/program.js'

export class Cut {
  /** Bytes that still go through to the server. */
  left = Number.POSITIVE_INFINITY
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((client) => this.#join(client))

  static async before(port: number): Promise<Cut> {
    const own = await freePort()
    const cut = new Cut(own, port)
    await new Promise<void>((resolve) => cut.#server.listen(own, '127.0.0.1', resolve))
    return cut
  }

  private constructor(
    readonly port: number,
    readonly target: number,
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #join(client: Socket): void {
    const server = connect(this.target, '127.0.0.1')
    const end = () => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', end)
      socket.on('close', end)
    }
    server.on('data', (piece) => client.write(piece))
    client.on('data', (piece) => {
      const passes = piece.subarray(0, Math.min(this.left, piece.length))
      this.left -= passes.length
      if (passes.length === piece.length) server.write(piece)
      // The server has what came before the cut, as after a kill.
      else server.end(passes, end)
    })
  }
}
