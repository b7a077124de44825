/**
 * Syslog as RFC 5424 has it, an ECS document as its message: over UDP (RFC 5426), TCP (RFC 6587, counted
 * octets), TLS (RFC 5425), or a stream socket of this machine (a line each).
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { z } from 'zod'
import { ChannelUnavailable } from '../../../errors.js'
import { contextFrom } from '../../../net.js'
import type { ToldAlert } from '../disclose.js'
import { ecsDocuments } from '../ecs.js'
import { caFile, commonSettings, nameSetting, timeoutOf } from '../settings.js'
import type { Channel, ChannelDeps } from './channel.js'
import { faulty, fromFiles, translated } from './fault.js'

const FACILITIES = {
  user: 1,
  daemon: 3,
  auth: 4,
  authpriv: 10,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const

const SEVERITIES: Readonly<Record<ToldAlert['kind'], number>> = {
  hit: 4,
  flood: 4,
  digest: 5,
  test: 6,
}

const NETWORK = /^(udp|tcp|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)(?::(\d{1,5}))?$/
const UNIX = /^unix:(?:\/\/)?(\/.+)$/
const PORTS = { udp: 514, tcp: 601, tls: 6514 } as const

export const syslogSettings = z.strictObject({
  name: nameSetting,
  type: z.literal('syslog').describe('Syslog (RFC 5424) with an ECS document as message.'),
  address: z
    .string()
    .refine((text) => addressOf(text) !== null, {
      error: 'expected udp://host:514, tcp://host:601, tls://host:6514 or unix:/path',
    })
    .describe(
      'Where it goes: `udp://host:514`, `tcp://host:601`, `tls://host:6514`, or the stream socket `unix:/path`.',
    ),
  ca_file: caFile.optional(),
  facility: z
    .enum(Object.keys(FACILITIES) as [keyof typeof FACILITIES, ...(keyof typeof FACILITIES)[]])
    .default('local0')
    .describe('The facility of its messages.'),
  ...commonSettings,
})

export type SyslogSettings = z.output<typeof syslogSettings>

type Address =
  | { readonly transport: keyof typeof PORTS; readonly host: string; readonly port: number }
  | { readonly transport: 'unix'; readonly path: string }

function addressOf(text: string): Address | null {
  const [, path] = UNIX.exec(text) ?? []
  if (path !== undefined) return { transport: 'unix', path }
  const [, transport, host = '', given] = NETWORK.exec(text) ?? []
  if (transport !== 'udp' && transport !== 'tcp' && transport !== 'tls') return null
  const port = given === undefined ? PORTS[transport] : Number(given)
  if (port < 1 || port > 65_535) return null
  return { transport, host: host.replace(/^\[|\]$/g, ''), port }
}

export function syslogChannel(settings: SyslogSettings, deps: ChannelDeps): Channel {
  const { name: channel, ca_file: caFile } = settings
  return {
    name: channel,
    send: async (alert, signal) => {
      const deadline = AbortSignal.timeout(timeoutOf(settings))
      const until = AbortSignal.any([signal, deadline])
      try {
        return await deliver(messagesOf(alert, { settings, deps }), { settings, signal: until })
      } catch (error) {
        throw translated(error, { channel, caFile, signal, deadline })
      }
    },
    close: async () => undefined,
  }
}

/** JSON in ASCII has no line break, so that either framing holds. */
function messagesOf(
  alert: ToldAlert,
  { settings, deps }: { settings: SyslogSettings; deps: ChannelDeps },
): string[] {
  const priority = FACILITIES[settings.facility] * 8 + SEVERITIES[alert.kind]
  const at = new Date(deps.clock()).toISOString()
  const host = deps.hostname.replace(/[^!-~]/g, '').slice(0, 255) || '-'
  const header = `<${priority}>1 ${at} ${host} tipline ${process.pid} ${alert.kind} -`
  return ecsDocuments(alert).map((document) => `${header} ${document}`)
}

interface Delivery {
  readonly settings: SyslogSettings
  readonly signal: AbortSignal
}

async function deliver(messages: readonly string[], delivery: Delivery): Promise<string> {
  const address = addressOf(delivery.settings.address)
  if (address === null) throw new RangeError('an address of syslog that the schema let through')
  if (address.transport === 'udp') return byDatagrams(messages, address, delivery)
  const framed =
    address.transport === 'unix' ? messages.map((text) => `${text}\n`) : messages.map(counted)
  await throughStream(streamTo(address, delivery), { bytes: framed.join(''), delivery })
  return `${messages.length} sent, and the connection closed by the receiver`
}

function counted(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`
}

function streamTo(address: Exclude<Address, { transport: 'udp' }>, delivery: Delivery): Socket {
  if (address.transport === 'unix') return connect(address.path)
  const { host, port } = address
  if (address.transport === 'tcp') return connect({ host, port })
  const { name, ca_file } = delivery.settings
  return connectTls({
    host,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    secureContext: fromFiles(name, () => contextFrom({ ca_file })),
  })
}

/**
 * Syslog has no acknowledgement. The nearest there is: we close our half, and the receiver, having read
 * to that end, closes its own. Who only took the bytes into a buffer, and dies, has not.
 */
async function throughStream(
  socket: Socket,
  { bytes, delivery }: { bytes: string; delivery: Delivery },
): Promise<void> {
  const { signal, settings } = delivery
  const abort = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    let ended = false
    socket.on('end', () => {
      ended = true
    })
    // The first error ends the wait below; one that comes later tells nothing new.
    socket.on('error', () => socket.destroy())
    socket.resume()
    socket.end(bytes)
    await once(socket, 'close')
    signal.throwIfAborted()
    if (!ended) throw faulty(settings.name, 'cut')
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}

/** Long enough for this machine, and mostly for the next, to say that nobody listens. */
const REFUSAL_MS = 200
const MOST_DATAGRAM_BYTES = 60_000

async function byDatagrams(
  messages: readonly string[],
  { host, port }: { host: string; port: number },
  { settings, signal }: Delivery,
): Promise<string> {
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4')
  let refused: Error | undefined
  socket.on('error', (error) => (refused = error))
  try {
    socket.connect(port, host)
    await once(socket, 'connect', { signal })
    for (const message of messages) await sendDatagram(socket, message)
    await sleep(REFUSAL_MS, undefined, { signal })
    if (refused) throw refused
    return `${messages.length} sent by UDP, which confirms nothing`
  } catch (error) {
    throw tooLarge(error, settings.name) ?? error
  } finally {
    socket.close()
  }
}

function sendDatagram(socket: UdpSocket, message: string): Promise<void> {
  const bytes = Buffer.from(message)
  if (bytes.length > MOST_DATAGRAM_BYTES) throw new RangeError('a document longer than its bound')
  return new Promise((resolve, reject) => {
    socket.send(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

function tooLarge(error: unknown, channel: string): Error | undefined {
  if ((error as NodeJS.ErrnoException).code !== 'EMSGSIZE') return undefined
  const what = `${channel}: a message does not fit into a datagram on the way there`
  return new ChannelUnavailable({ channel, what, hint: 'use tcp:// or tls://', cause: error })
}
