/**
 * Who gets the soak test's alerts, and often can't: it is busy, says nothing, hangs up, or is not there.
 * What counts is what it took and said so.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { bodyOf } from '../../test/misp-client/servers.js'

const MOODS = ['busy', 'silent', 'rude', 'away'] as const
type Mood = 'well' | (typeof MOODS)[number]

export interface AlertVerdict {
  readonly equal: boolean
  readonly messages: number
  /** Hits that they told of. */
  readonly told: number
  /** Messages that came again under their id, as the answer was lost in a kill or came too late. */
  readonly again: number
  /** Came again though nobody said why. */
  readonly twice: number
  /** Times that it was asked for nothing. */
  readonly failed: number
}

interface Message {
  readonly id: string
  readonly kind: string
  readonly more: number
  readonly sights: readonly { readonly count: number }[]
}

export class AlertReceiver {
  readonly #server = createServer((request, response) => void this.#take(request, response))
  readonly #taken = new Map<string, { readonly hits: number; times: number }>()
  readonly #silent: ServerResponse[] = []
  #mood: Mood = 'well'
  #failed = 0

  async start(): Promise<void> {
    this.#server.on('connection', (socket) => {
      if (this.#mood === 'away') socket.destroy()
    })
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}/alerts`
  }

  /** It fails, each time in another way. */
  fail(time: number): void {
    this.#mood = MOODS[time % MOODS.length]!
  }

  recover(): void {
    this.#mood = 'well'
    for (const response of this.#silent.splice(0)) response.destroy()
  }

  /** Against the hits that there must be, and what the log says of those that came again. */
  verdict(hits: number, log: string): AlertVerdict {
    const told = [...this.#taken.values()].reduce((sum, message) => sum + message.hits, 0)
    const unsure = log.split('\n').filter((line) => UNSURE.some((words) => line.includes(words)))
    let [again, twice] = [0, 0]
    for (const [id, { times }] of this.#taken) {
      if (times === 1) continue
      again += times - 1
      twice += Math.max(0, times - 1 - unsure.filter((line) => line.includes(id)).length)
    }
    const equal = told === hits && twice === 0
    return { equal, messages: this.#taken.size, told, again, twice, failed: this.#failed }
  }

  close(): void {
    this.recover()
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Cut off by a kill: it got nothing whole.
    const body = await bodyOf(request).catch(() => null)
    if (body === null) return
    if (this.#mood !== 'well') return this.#refuse(response)
    const message = JSON.parse(body) as Message
    response.end('taken')
    const known = this.#taken.get(message.id)
    if (known) known.times += 1
    else this.#taken.set(message.id, { hits: hitsOf(message), times: 1 })
  }

  #refuse(response: ServerResponse): void {
    this.#failed += 1
    if (this.#mood === 'busy') response.writeHead(503).end()
    else if (this.#mood === 'silent') this.#silent.push(response)
    else response.destroy()
  }
}

/** What the daemon says of a try of which it can't know whether it has arrived. */
const UNSURE = ['sent again under the same id', 'does not answer in time']

function hitsOf({ id, kind, more, sights }: Message): number {
  if (more > 0 || kind === 'flood')
    throw new Error(`${id} does not tell of all: the bench is wrong`)
  return sights.reduce((sum, { count }) => sum + count, 0)
}
