/** Packets as a capture file, from which nfpcapd makes flows. */
import { isIPv6 } from 'node:net'

export interface Packet {
  /** Epoch seconds. */
  readonly at: number
  /** IPv6 written out in full: eight groups. */
  readonly sa: string
  readonly da: string
  readonly sp?: number
  readonly dp?: number
  /** Default: TCP. */
  readonly protocol?: number
  /** Of TCP; default: SYN. */
  readonly flags?: number
}

export function pcapOf(packets: readonly Packet[]): Buffer {
  return Buffer.concat([FILE_HEADER, ...packets.map(recordOf)])
}

const FILE_HEADER = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')
const ETHERNET = Buffer.from('000000000001000000000002', 'hex')

function recordOf(packet: Packet): Buffer {
  const payload = payloadOf(packet)
  const isV6 = isIPv6(packet.sa)
  const frame = Buffer.concat([
    ETHERNET,
    Buffer.from(isV6 ? '86dd' : '0800', 'hex'),
    isV6 ? headerV6(packet, payload.length) : headerV4(packet, payload.length),
    payload,
  ])
  const header = Buffer.alloc(16)
  header.writeUInt32LE(Math.floor(packet.at), 0)
  header.writeUInt32LE(frame.length, 8)
  header.writeUInt32LE(frame.length, 12)
  return Buffer.concat([header, frame])
}

function headerV4({ sa, da, protocol = 6 }: Packet, length: number): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(20 + length, 2)
  header[8] = 64
  header[9] = protocol
  for (const [at, text] of [sa, da].entries()) {
    for (const [n, part] of text.split('.').entries()) header[12 + 4 * at + n] = Number(part)
  }
  return header
}

/** Addresses written out in full: eight groups. */
function headerV6({ sa, da, protocol = 6 }: Packet, length: number): Buffer {
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(length, 4)
  header[6] = protocol
  header[7] = 64
  for (const [at, text] of [sa, da].entries()) {
    for (const [n, part] of text.split(':').entries()) {
      header.writeUInt16BE(Number.parseInt(part, 16), 8 + 16 * at + 2 * n)
    }
  }
  return header
}

function payloadOf({ sp = 50_000, dp = 443, protocol = 6, flags = 2 }: Packet): Buffer {
  const payload = Buffer.alloc(protocol === 6 ? 20 : 28)
  if (protocol === 1) {
    payload[0] = dp >> 8
    payload[1] = dp & 255
    return payload
  }
  payload.writeUInt16BE(sp, 0)
  payload.writeUInt16BE(dp, 2)
  if (protocol === 6) payload.writeUInt16BE(0x5000 | flags, 12)
  if (protocol === 17) payload.writeUInt16BE(payload.length, 4)
  return payload
}
