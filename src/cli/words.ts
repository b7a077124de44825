/** Numbers, times and tables as a person reads them. */

/** `1,234` */
export function number(n: number): string {
  return n.toLocaleString('en-US')
}

/** `1 key`, `2,000 keys` */
export function count(n: number, noun: string): string {
  return `${number(n)} ${noun}${n === 1 ? '' : 's'}`
}

/** UTC to the minute: `2026-05-03 14:07Z`. `at`: epoch seconds. */
export function moment(at: number): string {
  // Beyond what a Date can hold, a source made it up.
  if (Math.abs(at) > 8.64e12) return `${at}`
  return `${new Date(at * 1000).toISOString().slice(0, 16).replace('T', ' ')}Z`
}

export { iso } from '../time.js'

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** `3 days`, `5 minutes`, `12 seconds`: the largest unit only. */
export function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? (['second', 1] as const)
  return count(Math.floor(Math.max(0, seconds) / size), unit)
}

/** `12.3 MiB` */
export function bytes(n: number): string {
  if (n < 1024) return count(n, 'byte')
  const power = Math.min(4, Math.floor(Math.log2(n) / 10))
  return `${(n / 1024 ** power).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

/** Columns padded to their widest cell; the last one is as long as it is. */
export function table(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  }
  return rows.map((row) => {
    const cells = row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!)))
    return `${indent}${cells.join('  ')}`.trimEnd()
  })
}
