/**
 * Writes many keys fast: quiet commands, sent in segments that end with a barrier, several of them
 * under way. A quiet command is answered only when something is wrong, and that answer does not say
 * which command it means. So a segment with any such answer is sent once more, this time with a
 * barrier behind each command (repeating does no harm), and then it is known which one was refused.
 */
import type { SinkUnavailable } from '../../errors.js'
import { printable } from '../../log.js'
import type { Exchange, Node } from './client.js'
import { BARRIER_ANSWER, type Command, isRefusal, NotMemcached } from './protocol.js'
import { Segment } from './segment.js'
import { unavailable } from './unavailable.js'

/** Segments under way: enough that the server never waits for us, and 2 MiB at most unanswered. */
const WINDOW = 16
/** Refusals by the server after which it is the server that is at fault, not the items. */
const MOST_REFUSALS = 10_000
const NO_SUCH_KEY = 'memcached can hold no such key: it is empty or too long'

export interface Refusal<S> {
  readonly subject: S
  readonly reason: string
}

/** `S` is what the caller calls a command's subject, to be told of a refusal. */
export class Writer<S> {
  readonly #node: Node
  readonly #signal: AbortSignal
  /** To be sent once more, in this order. */
  readonly #suspects: Segment<S>[] = []
  readonly #refusals: Refusal<S>[] = []
  /** Answered, to be filled again. */
  readonly #spare: Segment<S>[] = []
  #segment: Segment<S>
  #underWay = 0
  #failure: SinkUnavailable | null = null
  #wake: (() => void) | null = null

  constructor(node: Node, signal: AbortSignal) {
    this.#node = node
    this.#signal = signal
    this.#segment = new Segment(node.dialect)
  }

  /** Takes a command, or answers false: then wait for `room` and put it again. */
  put(command: Command, subject: S): boolean {
    if (!this.#segment.hasRoomFor(command)) return false
    if (!this.#segment.put(command, subject)) this.#refusals.push({ subject, reason: NO_SUCH_KEY })
    return true
  }

  /** Sends what was put and waits until more may be. @throws SinkUnavailable, or the signal's reason */
  async room(): Promise<void> {
    this.#send()
    await this.#until(WINDOW - 1)
    await this.#repeatSuspects()
  }

  /** Waits until everything is answered; answers what was refused. @throws like room */
  async end(): Promise<readonly Refusal<S>[]> {
    this.#send()
    await this.#until(0)
    await this.#repeatSuspects()
    return this.#refusals
  }

  #send(): void {
    this.#signal.throwIfAborted()
    const segment = this.#segment
    if (segment.subjects.length === 0) return
    this.#segment = this.#spare.pop() ?? new Segment<S>(this.#node.dialect)
    this.#underWay++
    this.#node.send(segment.whole(), this.#answersTo(segment))
  }

  #answersTo(segment: Segment<S>): Exchange {
    let suspect = false
    return {
      line: (line) => {
        suspect ||= isComplaint(line)
        if (line !== BARRIER_ANSWER) return false
        // Behind a suspect everything is repeated: a key may come again, and its last state has to win.
        if (suspect || this.#suspects.length > 0) this.#suspects.push(segment)
        else this.#recycle(segment)
        this.#answered()
        return true
      },
      fail: (error) => this.#fail(error),
    }
  }

  async #repeatSuspects(): Promise<void> {
    if (this.#suspects.length === 0) return
    await this.#until(0)
    for (const segment of this.#suspects.splice(0)) {
      this.#underWay++
      this.#node.send(segment.oneByOne(), this.#singleAnswersTo(segment))
      await this.#until(0)
      this.#recycle(segment)
    }
  }

  #singleAnswersTo({ subjects }: Segment<S>): Exchange {
    let at = 0
    let complaint: string | null = null
    return {
      line: (line) => {
        if (isComplaint(line)) complaint ??= line
        if (line !== BARRIER_ANSWER) return false
        if (complaint !== null) this.#refused(subjects[at]!, complaint)
        complaint = null
        at++
        if (at < subjects.length) return false
        this.#answered()
        return true
      },
      fail: (error) => this.#fail(error),
    }
  }

  #refused(subject: S, line: string): void {
    const said = printable(line.slice(0, 120))
    this.#refusals.push({ subject, reason: `memcached answered: ${said}` })
    if (this.#refusals.length < MOST_REFUSALS) return
    const what = `refused ${MOST_REFUSALS} keys, the last with: ${said}`
    const hint = 'has it enough memory (its option -m)? With -M it refuses rather than evicts'
    this.#fail(unavailable(this.#node.name, what, hint))
  }

  #recycle(segment: Segment<S>): void {
    segment.clear()
    this.#spare.push(segment)
  }

  #answered(): void {
    this.#underWay--
    this.#wake?.()
  }

  #fail(error: SinkUnavailable): void {
    this.#failure ??= error
    this.#wake?.()
  }

  /** Waits until at most so many segments are under way. */
  async #until(most: number): Promise<void> {
    while (this.#underWay > most && this.#failure === null) await this.#news()
    if (this.#failure) throw this.#failure
  }

  #news(): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(this.#signal.reason)
      this.#signal.addEventListener('abort', abort, { once: true })
      this.#wake = () => {
        this.#wake = null
        this.#signal.removeEventListener('abort', abort)
        resolve()
      }
    })
  }
}

/** A quiet command says nothing, but that memcached 1.6 tells of a delete that found nothing. */
function isComplaint(line: string): boolean {
  if (line === BARRIER_ANSWER || line === 'NF') return false
  if (isRefusal(line)) return true
  throw new NotMemcached(line)
}
