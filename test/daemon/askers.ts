/** Clients that ask the same over and over, each on a connection that it keeps. */
import { Agent, get } from 'node:http'

export class Askers {
  readonly #path: string
  #asking = true
  readonly #ended: Promise<unknown>
  /** What came: a status each, or the code of a failure. */
  readonly outcomes = new Map<number | string, number>()

  constructor(url: string, clients: number) {
    this.#path = url
    this.#ended = Promise.all(Array.from({ length: clients }, () => this.#ask()))
  }

  get answered(): number {
    return this.outcomes.get(200) ?? 0
  }

  async stop(): Promise<void> {
    this.#asking = false
    await this.#ended
  }

  async #ask(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (this.#asking) {
      const outcome = await this.#once(agent)
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    }
    agent.destroy()
  }

  #once(agent: Agent): Promise<number | string> {
    return new Promise((resolve) => {
      const asked = get(this.#path, { agent }, (answer) => {
        answer
          .on('end', () => resolve(answer.statusCode ?? 0))
          .on('error', failed)
          .resume()
      })
      const failed = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)
      asked.on('error', failed)
    })
  }
}
