/** An embedded engine of a bench's own, in a folder that goes with it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClickHouse } from '../src/clickhouse/client.js'
import { startEngine } from '../src/clickhouse/embedded/start.js'
import { silentLogger } from '../src/log.js'

export interface BenchEngine {
  readonly db: ClickHouse
  readonly dataDir: string
  readonly pid: number
  close(): Promise<void>
}

export async function benchEngine(): Promise<BenchEngine> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
  const log = silentLogger()
  const options = { dataDir, listen: null, password: '', idleMs: 60_000, log }
  const { pid, socket } = await startEngine(options)
  const db = await ClickHouse.connect({
    url: 'http://engine',
    socket,
    warnings: null,
    name: 'the engine',
    user: 'default',
    password: '',
    ca: null,
    ignoreCertErrors: false,
    timeoutMs: 600_000,
  })
  const close = async () => {
    await db.close()
    process.kill(pid, 'SIGTERM')
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { db, dataDir, pid, close }
}
