/** Programs that tests start: whether they are there, where they may listen, and that they end. */
import { type ChildProcess, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** Whatever way the tests end, no server outlives them. */
const running = new Map<number, string>()

/** A number is given again to another process, which may be another test's: that one is left alone. */
function endAll(): void {
  for (const [pid, began] of running) if (beginningOf(pid) === began) endNow(pid)
}

/** When it began, as Linux counts it; '' elsewhere, or where it has gone. */
function beginningOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? ''
  } catch {
    return ''
  }
}

function endAllAndGo(signal: NodeJS.Signals): void {
  endAll()
  process.kill(process.pid, signal)
}

process.once('exit', endAll)
// Vitest ends its workers by a signal, after which nothing is done at an exit.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, endAllAndGo)
// Vitest itself has been killed, or lets go of this worker: how that ends is its own affair.
process.once('disconnect', endAll)

export function endWithUs(child: ChildProcess): void {
  const { pid } = child
  // It could not be started.
  if (pid === undefined) return
  child.once('exit', endPidWithUs(pid))
}

/** The same for what is no child of ours. @returns takes note that it has ended */
export function endPidWithUs(pid: number): () => void {
  running.set(pid, beginningOf(pid))
  return () => {
    running.delete(pid)
  }
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has gone by itself.
  }
}

/** Without it the tests that need it are skipped with a message. @throws under `CI=true` */
export function hasProgram(program: string, args: readonly string[], hint: string): boolean {
  if (spawnSync(program, args).status === 0) return true
  const message = `${program} is missing (${hint})`
  if (process.env.CI === 'true') throw new Error(message)
  console.warn(`skipped: ${message}`)
  return false
}

/** On 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
