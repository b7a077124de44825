/**
 * Answers that go out together, at the end of a turn of the event loop, when all that had arrived is read.
 * Sent one by one, each would wake who waits for it, who on the same machine takes the processor from the
 * questions behind.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: string
}

interface Waiting {
  readonly outgoing: ServerResponse
  readonly answer: Answer
  readonly sent: () => void
}

export class Outbox {
  #waiting: Waiting[] = []

  /** `sent` is called when it has been handed over to the connection. */
  put(outgoing: ServerResponse, answer: Answer, sent: () => void): void {
    if (this.#waiting.length === 0) setImmediate(this.#sendAll)
    this.#waiting.push({ outgoing, answer, sent })
  }

  readonly #sendAll = () => {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { outgoing, answer, sent } of waiting) {
      send(outgoing, answer)
      sent()
    }
  }
}

export function send(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}
