/** Asking the daemon of a data folder, over the socket that only its owner can open. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { DaemonError } from '../errors.js'
import { daemonSocket } from '../ledger/place.js'

/** Whether a daemon has this data folder, and can be asked. */
export function daemonAnswers(dataDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(daemonSocket(dataDir))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** The daemon's answer as JSON. @throws DaemonError; the signal's reason */
export async function askDaemon<T>(
  dataDir: string,
  question: { readonly path: string; readonly body: object; readonly signal: AbortSignal },
): Promise<T> {
  const { status, text } = await post(daemonSocket(dataDir), question)
  const answer = parsed(text)
  if (status === 200) return answer as T
  const { title, detail } = answer as { title?: string; detail?: string }
  throw new DaemonError({
    what: `the daemon says: ${detail ?? title ?? `HTTP ${status}`}`,
    hint: 'its log tells more',
  })
}

interface Posted {
  readonly status: number
  readonly text: string
}

function post(
  socketPath: string,
  { path, body, signal }: { path: string; body: object; signal: AbortSignal },
): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(signal.aborted ? signal.reason : unreachable(cause))
    const headers = { 'content-type': 'application/json' }
    const asking = request({ socketPath, path, method: 'POST', headers, signal }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('error', fail)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
      )
    })
    asking.on('error', fail)
    asking.end(JSON.stringify(body))
  })
}

function unreachable(cause: Error): DaemonError {
  return new DaemonError({
    what: 'the daemon of this data folder does not answer',
    hint: 'it may be starting or stopping; try again, or look into its log',
    cause,
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unreachable(cause as Error)
  }
}
