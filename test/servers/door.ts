/** A door before a server: TCP on loopback, through which one gets to its unix socket, or not. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class TcpDoor {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  isShut = false
  /** Connections that were turned away. */
  turnedAway = 0

  static async before(path: string): Promise<TcpDoor> {
    const door = new TcpDoor(path)
    await once(door.#server.listen(0, '127.0.0.1'), 'listening')
    return door
  }

  private constructor(path: string) {
    this.#server = createServer((socket) => this.#letIn(socket, path))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Who is inside is put out. */
  shut(): void {
    this.isShut = true
    for (const socket of this.#open) socket.destroy()
  }

  open(): void {
    this.isShut = false
  }

  #letIn(socket: Socket, path: string): void {
    if (this.isShut) {
      this.turnedAway += 1
      socket.destroy()
      return
    }
    const inner = connect(path)
    this.#open.add(socket)
    socket.on('error', () => undefined).on('close', () => inner.destroy())
    inner.on('error', () => undefined).on('close', () => socket.destroy())
    socket.once('close', () => this.#open.delete(socket))
    socket.pipe(inner).pipe(socket)
  }

  async close(): Promise<void> {
    this.shut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
