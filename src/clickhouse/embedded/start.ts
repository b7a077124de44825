/** Finds the engine of a data folder, or starts it. Many processes may do so at once; one engine runs. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ClickHouseError } from '../../errors.js'
import { makeFolder } from '../../folder.js'
import type { Logger } from '../../log.js'
import type { Metrics } from '../../metrics.js'
import { type ChildOptions, TAKEN } from './child-options.js'
import { type EngineAddress, type EnginePlace, enginePlace, readAddress } from './place.js'

export interface EngineOptions extends Omit<ChildOptions, 'settings'> {
  readonly log: Logger
  readonly metrics?: Metrics | undefined
  readonly signal?: AbortSignal | undefined
  /** The compiled `child.js`, where it is not beside this file. */
  readonly program?: string
}

const PROGRAM = fileURLToPath(new URL('./child.js', import.meta.url))
/** Opening a folder of many tables takes a while. */
const PATIENCE_MS = 60_000
const POLL_MS = 20
const PING_MS = 5000
const LARGEST_LOG = 10_000_000
/** For statements (see child.ts), and for what the process itself has to do. */
const THREADS = 32

/** @throws ClickHouseError; the signal's reason */
export async function startEngine(options: EngineOptions): Promise<EngineAddress> {
  const place = enginePlace(options.dataDir)
  const settings = fingerprint(options)
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    options.signal?.throwIfAborted()
    const found = await findEngine(options.dataDir)
    if (found) {
      if (found.settings !== settings) warnOfSettings(options.log)
      return found
    }
    const status = await launch(place, { options, settings })
    if (status === TAKEN) await sleep(POLL_MS * 5)
    else if (status !== null) throw failed(place, `it ended with status ${status}`)
  }
  throw failed(place, `it gave no sign of life for ${PATIENCE_MS / 1000} s`)
}

/** The engine that serves this folder now; null: none does. */
export async function findEngine(dataDir: string): Promise<EngineAddress | null> {
  const address = readAddress(enginePlace(dataDir))
  return address && (await answers(address.socket)) ? address : null
}

/** Ends the engine that serves this folder, if one does, after the statements that are under way. */
export async function stopEngine(dataDir: string): Promise<void> {
  const found = await findEngine(dataDir)
  if (!found) return
  process.kill(found.pid, 'SIGTERM')
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(POLL_MS)) {
    if (!isAlive(found.pid)) return
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Starts the process and waits until it serves (null) or has ended (its status). */
async function launch(
  place: EnginePlace,
  { options, settings }: { options: EngineOptions; settings: string },
): Promise<number | null> {
  const { dataDir, listen, password, idleMs, log, metrics, signal } = options
  makeFolder(dataDir)
  const child = start(place, options.program ?? PROGRAM)
  const given: ChildOptions = { dataDir, listen, password, idleMs, settings }
  child.stdin?.on('error', (error) =>
    log.debug({ err: error }, 'the engine did not take its options'),
  )
  child.stdin?.end(JSON.stringify(given))
  let status: number | null = null
  child.once('error', () => {
    status = -1
  })
  child.once('exit', (code, kill) => {
    status = code ?? (kill === null ? 1 : 128)
  })
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(POLL_MS)) {
    signal?.throwIfAborted()
    if (status !== null) return status
    const address = readAddress(place)
    if (address?.pid !== child.pid || !(await answers(address?.socket ?? ''))) continue
    log.debug({ pid: child.pid }, 'the embedded ClickHouse was started')
    metrics?.count('tipline_engine_starts_total', {})
    return null
  }
  child.kill('SIGKILL')
  return 1
}

/** It outlives us: others may use it too. */
function start(place: EnginePlace, program: string): ChildProcess {
  rotate(place.log)
  const log = openSync(place.log, 'a', 0o600)
  try {
    const child = spawn(process.execPath, [program], {
      detached: true,
      stdio: ['pipe', log, log],
      // Times without a zone, as in CSV, are read in the process's.
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TMPDIR: tmpdir(),
        TZ: 'UTC',
        UV_THREADPOOL_SIZE: String(THREADS),
      },
    })
    child.unref()
    return child
  } finally {
    closeSync(log)
  }
}

function rotate(log: string): void {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  if (size > LARGEST_LOG) renameSync(log, `${log}.1`)
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request(
      { socketPath, path: '/ping', timeout: PING_MS, agent: false },
      (answer) => {
        answer.resume()
        resolve(answer.statusCode === 200)
      },
    )
    ping.once('timeout', () => ping.destroy(new Error('timeout')))
    ping.once('error', () => resolve(false))
    ping.end()
  })
}

function fingerprint({ listen, password, idleMs }: EngineOptions): string {
  const text = JSON.stringify([listen, password, idleMs])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function warnOfSettings(log: Logger): void {
  log.warn(
    'the embedded ClickHouse runs with the settings of another config or of an earlier one; they take effect when it is started anew',
  )
}

function failed(place: EnginePlace, how: string): ClickHouseError {
  return new ClickHouseError({
    what: `the embedded ClickHouse did not start: ${how}${lastWords(place.log)}`,
    hint: `${place.log} tells more; the package chdb has to be installed (npm install chdb), which exists for Linux (glibc) and macOS`,
    fault: 'unreachable',
  })
}

function lastWords(log: string): string {
  const last = readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? ''
  return last === '' ? '' : ` (${last.slice(0, 300)})`
}
