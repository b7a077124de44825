/** Answers that are asked for again and again, and stay on the page until a newer one is there. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ask, type Parameters, Refused, Unreachable } from './client.js'

export interface Fresh<T> {
  /** The last answer, perhaps to an earlier question; null: there was none yet. */
  readonly data: T | null
  /** What `data` answers: `path?parameters`. */
  readonly of: string | null
  /** The last try was refused; null: it was not. */
  readonly refused: Refused | null
  /** The question is newer than the answer. */
  readonly waiting: boolean
  /** Asks again at once. */
  readonly again: () => void
}

export interface Question {
  readonly path: string
  readonly given: Parameters
  /** Seconds between two tries; null: once is enough. */
  readonly every: number | null
}

/** What the whole page hears of each try. */
export interface Listener {
  reached(): void
  unreachable(): void
  /** No token, or one that is good no more. */
  signedOut(): void
}

/** null: nothing is asked, and nothing is there. */
export function useFresh<T>(question: Question | null, listener: Listener): Fresh<T> {
  const [answer, setAnswer] = useState<Answer<T>>(NOTHING)
  const [round, setRound] = useState(0)
  const key = question === null ? null : JSON.stringify([question.path, question.given])
  const latest = useRef(question)
  latest.current = question

  useEffect(() => {
    const asked = latest.current
    if (key === null || asked === null) {
      setAnswer(NOTHING)
      return
    }
    const ending = new AbortController()
    const { signal } = ending
    void keepAsking({ question: asked, signal, listener }, (outcome) =>
      setAnswer((before) => after(before, outcome, key)),
    )
    return () => ending.abort()
  }, [key, question?.every, round, listener])

  const again = useCallback(() => setRound((n) => n + 1), [])
  const { text: _, ...told } = answer
  return { ...told, waiting: key !== null && key !== answer.of && answer.refused === null, again }
}

interface Answer<T> {
  readonly data: T | null
  readonly text: string
  readonly of: string | null
  readonly refused: Refused | null
}

const NOTHING = { data: null, text: '', of: null, refused: null }

type Outcome = { readonly data: unknown } | { readonly refused: Refused } | null

/** The same answer again is the same object, so that nothing is drawn anew. */
function after<T>(before: Answer<T>, outcome: Outcome, key: string): Answer<T> {
  if (outcome === null) return before
  if ('refused' in outcome) return { ...before, refused: outcome.refused }
  const text = JSON.stringify(outcome.data)
  const same = text === before.text && before.of === key && before.refused === null
  return same ? before : { data: outcome.data as T, text, of: key, refused: null }
}

interface Asking {
  readonly question: Question
  readonly signal: AbortSignal
  readonly listener: Listener
}

async function keepAsking(asking: Asking, told: (outcome: Outcome) => void): Promise<void> {
  const { question, signal } = asking
  while (!signal.aborted) {
    const outcome = await tryOnce(asking)
    if (signal.aborted) return
    told(outcome)
    // What was not answered is asked again, also where one answer is enough.
    if (question.every === null && outcome !== null) return
    await pause((question.every ?? RETRY_SECONDS) * 1000, signal)
    await untilSeen(signal)
  }
}

const RETRY_SECONDS = 10

async function tryOnce({ question, signal, listener }: Asking): Promise<Outcome> {
  try {
    const data = await ask<unknown>(question.path, question.given, signal)
    listener.reached()
    return { data }
  } catch (error) {
    if (signal.aborted) return null
    if (error instanceof Refused) {
      listener.reached()
      if (error.status === 401) listener.signedOut()
      return { refused: error }
    }
    if (!(error instanceof Unreachable)) throw error
    listener.unreachable()
    return null
  }
}

/** Ends early when the network is said to be back, or nobody wants to know any more. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      window.removeEventListener('online', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    window.addEventListener('online', done)
    signal.addEventListener('abort', done)
  })
}

/** A page in a tab that nobody looks at asks for nothing. */
function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      signal.removeEventListener('abort', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look)
  })
}
