/** Times and amounts as people read them. */

export type Zone = 'local' | 'utc'

/** `2026-11-22 04:11:50`, with `Z` behind it in UTC. */
export function momentIn(at: Date, zone: Zone): string {
  return zone === 'utc'
    ? at.toISOString().slice(0, 19).replace('T', ' ').concat('Z')
    : localIso(at).slice(0, 19).replace('T', ' ')
}

/** What stands in the tooltip: the time in the other zone, and which zone the first is. */
export function bothZones(at: Date, zone: Zone): string {
  const utc = momentIn(at, 'utc')
  const local = `${momentIn(at, 'local')} ${offsetOf(at)}`
  return zone === 'utc' ? `${local} here` : `${utc} in UTC, shown for ${offsetOf(at)}`
}

/** The same instant as local clocks show it, in ISO's form without a zone. */
function localIso(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString()
}

function offsetOf(at: Date): string {
  const minutes = -at.getTimezoneOffset()
  const size = Math.abs(minutes)
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`
}

const UNITS = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3600 },
  { name: 'min', seconds: 60 },
] as const

/** `90 s`, `12 min`, `3 h`, `5 d`: the largest unit of which there are at least two. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const unit = UNITS.find((each) => whole >= 2 * each.seconds)
  return unit ? `${Math.floor(whole / unit.seconds)} ${unit.name}` : `${whole} s`
}

/** Seconds between two times as the API writes them. */
export function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000
}

const NUMBERS = new Intl.NumberFormat('en-US')

export function number(n: number): string {
  return NUMBERS.format(n)
}

/** `1 hit`, `2 hits`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${number(n)} ${n === 1 ? noun : plural}`
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

export function bytes(n: number): string {
  let step = 0
  let size = n
  while (size >= 1000 && step < SIZES.length - 1) {
    size /= 1000
    step += 1
  }
  return `${step === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${SIZES[step]}`
}
