/** An embedded engine of the tests' own: in a folder that goes with it, and never left running. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ClickHouse, type Target } from '../../src/clickhouse/client.js'
import { type EngineAddress, enginePlace } from '../../src/clickhouse/embedded/place.js'
import { type EngineOptions, startEngine } from '../../src/clickhouse/embedded/start.js'
import { silentLogger } from '../../src/log.js'
import { endPidWithUs } from '../servers/program.js'

/** From `test/`, and from `.build/test/`. */
export const PROGRAM = ['../../.build/src/', '../../src/']
  .map((place) => fileURLToPath(new URL(`${place}clickhouse/embedded/child.js`, import.meta.url)))
  .find((path) => existsSync(path))!

/** Whether the engine can run here. @throws under CI, where it may not be missing */
export function hasEngine(): boolean {
  try {
    createRequire(import.meta.url).resolve('chdb')
    return true
  } catch (error) {
    if (process.env.CI === 'true') throw error
    console.warn('skipped: the package chdb is missing (npm install)')
    return false
  }
}

export class TestEngine {
  readonly dataDir: string
  readonly #options: Partial<EngineOptions>
  #noteEnd: () => void = () => undefined
  address: EngineAddress

  static async start(options: Partial<EngineOptions> = {}): Promise<TestEngine> {
    const engine = new TestEngine(mkdtempSync(join(tmpdir(), 'tipline-engine-')), options)
    await engine.restart()
    return engine
  }

  /** That of a data folder which somebody else made. */
  static at(dataDir: string): TestEngine {
    return new TestEngine(dataDir, {})
  }

  private constructor(dataDir: string, options: Partial<EngineOptions>) {
    this.dataDir = dataDir
    this.#options = options
    this.address = { pid: 0, socket: '', readers: null, settings: '' }
  }

  /** Starts it, or finds the one that runs. */
  async restart(): Promise<void> {
    this.address = await startEngine({
      dataDir: this.dataDir,
      listen: null,
      password: '',
      idleMs: 60_000,
      log: silentLogger(),
      program: PROGRAM,
      ...this.#options,
    })
    this.#noteEnd = endPidWithUs(this.address.pid)
  }

  connect(timeoutMs = 30_000, onFault?: Target['onFault']): Promise<ClickHouse> {
    return ClickHouse.connect({
      url: 'http://engine',
      socket: this.address.socket,
      warnings: enginePlace(this.dataDir).warnings,
      name: 'the embedded ClickHouse',
      user: 'default',
      password: '',
      ca: null,
      ignoreCertErrors: false,
      timeoutMs,
      onFault,
    })
  }

  /** At once, as a crash would. */
  async kill(): Promise<void> {
    kill(this.address.pid)
    while (isAlive(this.address.pid)) await sleep(5)
    this.#noteEnd()
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  isRunning(): boolean {
    return isAlive(this.address.pid) && existsSync(this.address.socket)
  }
}

function kill(pid: number): void {
  if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGKILL')
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}
