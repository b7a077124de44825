/**
 * MISP's ZMQ channel: it says at once which event was changed. Anybody on the way may say so too, and
 * nothing is repeated, so a message is only a hint to look; asking on schedule stays what is relied on.
 */
import { UsageError } from '../errors.js'
import type { Logger } from '../log.js'

export interface ZmqOptions {
  readonly source: string
  /** `tcp://misp.example:50000` */
  readonly address: string
  /** This event may have changed; null: something has. */
  readonly onHint: (uuid: string | null) => void
  readonly log: Logger
}

const TOPICS = ['misp_json', 'misp_json_event', 'misp_json_attribute', 'misp_json_object']
/** Whole events come too, which may be large; what changed is then asked of MISP itself. */
const LARGEST_PARSED = 1_000_000
const LARGEST_MESSAGE = 64 * 1024 * 1024

/** Until the abort. */
export async function listenToZmq(options: ZmqOptions, signal: AbortSignal): Promise<void> {
  const { address, source, onHint, log } = options
  const { Subscriber } = await zeromq()
  const socket = new Subscriber({ maxMessageSize: LARGEST_MESSAGE, linger: 0 })
  const stop = () => socket.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    // Connects, and connects again, by itself.
    socket.connect(address)
    socket.subscribe(...TOPICS)
    log.info({ source, address }, 'listening to the ZMQ channel')
    for await (const frames of socket) {
      const uuid = hintOf(frames[0])
      if (uuid !== undefined) onHint(uuid)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
    if (!socket.closed) socket.close()
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The event that a message names; null: it names none that can be read; undefined: it says nothing. */
export function hintOf(frame: Uint8Array | undefined): string | null | undefined {
  if (!frame) return undefined
  const space = frame.indexOf(0x20)
  const topic = space < 0 ? '' : Buffer.from(frame.subarray(0, space)).toString('latin1')
  if (!TOPICS.includes(topic)) return undefined
  if (frame.length > LARGEST_PARSED) return null
  try {
    const { Event } = JSON.parse(Buffer.from(frame.subarray(space + 1)).toString()) ?? {}
    const uuid = String(Event?.uuid ?? '').toLowerCase()
    return UUID.test(uuid) ? uuid : null
  } catch {
    return null
  }
}

/** @throws UsageError where it is missing */
export async function zeromq(): Promise<typeof import('zeromq')> {
  try {
    return await import('zeromq')
  } catch (cause) {
    const hint = 'npm install zeromq, or take `zmq` out of the config: sources are asked anyway'
    throw new UsageError({ what: 'the package zeromq is missing', hint, cause })
  }
}
