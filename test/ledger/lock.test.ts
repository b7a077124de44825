import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LedgerBusy, LedgerError } from '../../src/errors.js'
import { acquireLock } from '../../src/ledger/lock.js'

const main = fileURLToPath(new URL('../../.build/test/ledger/lock-main.js', import.meta.url))
let dataDir: string

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tipline-lock-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

async function otherHolder(): Promise<ChildProcess> {
  if (!existsSync(main)) throw new Error('not built: run npm test, or tsc -p tsconfig.dev.json')
  const child = spawn(process.execPath, [main, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout!, 'data')
  return child
}

describe('the locks (L19)', () => {
  it('let one process in, name it to the others, and go with it', async () => {
    const child = await otherHolder()
    const refused = acquireLock({ dataDir, name: 'sync', waitMs: 0 })
    await expect(refused).rejects.toThrow(`process ${child.pid} is already syncing`)
    const again = acquireLock({ dataDir, name: 'sync', waitMs: 0 })
    await expect(again).rejects.toBeInstanceOf(LedgerBusy)
    // Most commands have no --wait.
    await expect(again).rejects.toMatchObject({ hint: 'wait for it to end, and try again' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lock = await acquireLock({ dataDir, name: 'sync', waitMs: 5000 })
    lock.release()
  })

  it("name the daemon, which nobody can wait for, where it has another's lock", async () => {
    const child = await otherHolder()
    writeFileSync(join(dataDir, 'daemon.pid'), `${child.pid}\n`)
    await expect(acquireLock({ dataDir, name: 'sync', waitMs: 0 })).rejects.toMatchObject({
      message: `process ${child.pid} is already running as the daemon with ${dataDir}`,
      hint: 'stop the daemon (tipline run) first: it has the data folder as long as it lives',
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  it('that can not be written are told, and are no bug', async () => {
    mkdirSync(join(dataDir, 'daemon.lock'))
    const refused = acquireLock({ dataDir, name: 'daemon', waitMs: 0 })
    await expect(refused).rejects.toBeInstanceOf(LedgerError)
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining(`the lock ${join(dataDir, 'daemon.lock')} can't be taken`),
      hint: expect.stringContaining('belong to this user'),
    })
  })

  it('whose note can not be written are not kept', async () => {
    const note = join(dataDir, 'backscan.pid')
    mkdirSync(note)
    await expect(acquireLock({ dataDir, name: 'backscan', waitMs: 0 })).rejects.toThrow(LedgerError)
    rmSync(note, { recursive: true })
    const lock = await acquireLock({ dataDir, name: 'backscan', waitMs: 0 })
    lock.release()
  })

  it('that the daemon has for a while only can be waited for', async () => {
    const daemon = await acquireLock({ dataDir, name: 'daemon', waitMs: 0 })
    const backscan = await acquireLock({ dataDir, name: 'backscan', waitMs: 0 })
    await expect(acquireLock({ dataDir, name: 'backscan', waitMs: 0 })).rejects.toMatchObject({
      message: expect.stringContaining('is already looking for indicators in the flows'),
      hint: 'wait for it to end, and try again',
    })
    backscan.release()
    daemon.release()
  })

  it('wait as long as they are told to', async () => {
    const lock = await acquireLock({ dataDir, name: 'ship', waitMs: 0 })
    const waiting = acquireLock({ dataDir, name: 'ship', waitMs: 10_000 })
    lock.release()
    lock.release()
    ;(await waiting).release()
  })

  it('are two: one who pulls keeps nobody from shipping', async () => {
    const pull = await acquireLock({ dataDir, name: 'sync', waitMs: 0 })
    const ship = await acquireLock({ dataDir, name: 'ship', waitMs: 0 })
    pull.release()
    ship.release()
  })

  it('stop waiting when aborted', async () => {
    const lock = await acquireLock({ dataDir, name: 'sync', waitMs: 0 })
    const controller = new AbortController()
    const waiting = acquireLock({
      dataDir,
      name: 'sync',
      waitMs: Number.POSITIVE_INFINITY,
      signal: controller.signal,
    })
    const reason = new Error('told to stop')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    lock.release()
  })
})
