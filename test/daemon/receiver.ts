/** A receiver of alerts, over HTTP: keeps what it got, and answers as it is told to. */
import type { ServerResponse } from 'node:http'
import { bodyOf, type Running, serve } from '../misp-client/servers.js'

interface Message {
  readonly id: string
  readonly kind: string
  readonly sights: readonly {
    readonly inside: string
    readonly indicator: { readonly value: string }
  }[]
}

export class Receiver {
  readonly #server: Running
  readonly messages: Message[] = []
  /** What it says; null: it has got the message, and says nothing. */
  status: number | null = 200
  readonly #silent: ServerResponse[] = []

  static async start(): Promise<Receiver> {
    const server = await serve((request, response) => {
      void bodyOf(request).then((body) => receiver.#take(JSON.parse(body) as Message, response))
    })
    const receiver = new Receiver(server)
    return receiver
  }

  private constructor(server: Running) {
    this.#server = server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/hook`
  }

  #take(message: Message, response: ServerResponse): void {
    this.messages.push(message)
    if (this.status === null) this.#silent.push(response)
    else response.writeHead(this.status).end('said')
  }

  async close(): Promise<void> {
    for (const response of this.#silent) response.destroy()
    await this.#server.close()
  }
}
