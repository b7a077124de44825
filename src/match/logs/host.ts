/** A host as logs write it: an address or a name, perhaps with a port behind it. Pure. */
import type { Meaning } from '../../indicators/indicator.js'
import { ip, ipPort } from '../../indicators/ip.js'
import { hostname, hostnamePort } from '../../indicators/names.js'

/** Names first, as most are: what is read as one and is an address comes out as one either way. */
const READINGS = [hostname, ip, ipPort, hostnamePort] as const

/** `space` is `ip`, `hostname`, or `domain` for a `*.name`; null where it is none, or a whole net. */
export function readHost(text: string): Meaning | null {
  for (const read of READINGS) {
    const found = read(text)
    if (found.ok) return found.meanings[0]!.space === 'net' ? null : found.meanings[0]!
  }
  return null
}
