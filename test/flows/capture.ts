/** Real nfcapd files, made by nfpcapd from a pcap that is written here. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Packet, pcapOf } from '../../src/cli/demo/pcap.js'

export function hasNfdump(): boolean {
  if (
    spawnSync('nfdump', ['-V']).status === 0 &&
    spawnSync('nfpcapd', ['-h']).error === undefined
  ) {
    return true
  }
  const message = 'nfdump is missing (apt-get install nfdump)'
  if (process.env.CI === 'true') throw new Error(message)
  console.warn(`skipped: ${message}`)
  return false
}

export type { Packet }

/** Writes the packets as flows into `folder`; the files, oldest first. */
export function writeCapture(folder: string, packets: readonly Packet[]): string[] {
  mkdirSync(folder, { recursive: true })
  const pcap = join(folder, 'packets.pcap')
  writeFileSync(pcap, pcapOf(packets))
  execFileSync('nfpcapd', ['-r', pcap, '-w', folder, '-t', '3600'], {
    env: { PATH: process.env.PATH, TZ: 'UTC' },
    stdio: 'ignore',
  })
  return readdirSync(folder)
    .filter((name) => /^nfcapd\.\d{12}$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}
