/** Running a process and learning what it took. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MEASURE = join(ROOT, 'bench/measure.cjs')

export interface Measured {
  /** Wall time of the whole process, its start included. */
  readonly seconds: number
  /** Seconds of CPU, all threads. */
  readonly cpu: number
  readonly peakBytes: number
  readonly status: number | null
  readonly stdout: string
}

export async function measure(script: string, args: readonly string[]): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-measure-'))
  const file = join(folder, 'measured.json')
  const started = process.hrtime.bigint()
  const child = spawn(process.execPath, ['-r', MEASURE, join(ROOT, '.build', script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, MEASURE: file },
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [status] = (await once(child, 'close')) as [number | null]
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const used = JSON.parse(readFileSync(file, 'utf8')) as Pick<Measured, 'cpu' | 'peakBytes'>
  rmSync(folder, { recursive: true })
  return { ...used, seconds, status, stdout: Buffer.concat(chunks).toString() }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
