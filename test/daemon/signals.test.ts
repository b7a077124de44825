/** Signals that come while `tipline run` is still starting. Each is sent when a certain module is loaded. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLock } from '../../src/ledger/lock.js'
import type { Running } from '../cli/cli.js'
import { Site, until } from '../cli/site.js'

const PRELOADED = new URL('signal-at.mjs', import.meta.url)

/** In the order in which the daemon comes to them. */
const MOMENTS = [
  'cli/run.js',
  'commander/index.js',
  'cli/daemon.js',
  'config/load.js',
  'daemon/daemon.js',
  'ledger/ledger.js',
  'http/listen.js',
]

let site: Site
let daemon: Running | undefined

beforeEach(async () => {
  site = new Site()
  await site.startMisp()
  site.writeConfig('http: { listen: "127.0.0.1:0" }\n')
})

afterEach(async () => {
  daemon?.child.kill('SIGKILL')
  await site.close()
})

function startDaemon(env: Record<string, string> = {}): Running {
  daemon = site.start(['run', '--json'], { env })
  return daemon
}

function startWith(signal: string, moment: string): Running {
  return startDaemon(hooked(signal, moment))
}

function hooked(signal: string, moment: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${PRELOADED}`, SIGNAL: signal, SIGNAL_AT: moment }
}

describe('from its first moment on', () => {
  it.each(MOMENTS)('SIGTERM ends it well (%s)', async (moment) => {
    const { status, stdout, stderr } = await startWith('SIGTERM', moment).end()
    expect(status, stderr).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ status: 'stopped', by: 'SIGTERM' })
  })

  it('SIGINT does, too', async () => {
    const { status, stdout } = await startWith('SIGINT', MOMENTS[0]!).end()
    expect([status, JSON.parse(stdout)]).toEqual([0, { status: 'stopped', by: 'SIGINT' }])
  })

  it.each(MOMENTS)('SIGHUP is heeded once it is at work (%s)', async (moment) => {
    const running = startWith('SIGHUP', moment)
    const ended = running.end()
    await until(() => /a new config|config is as before/.test(running.stderr))
    expect(running.stderr.indexOf('"at work"')).toBeLessThan(running.stderr.indexOf('as before'))
    running.child.kill('SIGTERM')
    expect((await ended).status).toBe(0)
  })
})

describe('while it waits for something before it can begin', () => {
  it('SIGTERM ends it well: another process is syncing', async () => {
    const dataDir = join(site.folder, 'tipline-data')
    mkdirSync(dataDir)
    const lock = await acquireLock({ dataDir, name: 'sync', waitMs: 0 })
    const running = startDaemon()
    await until(() => running.stderr.includes('waiting for it to end'))
    running.child.kill('SIGTERM')
    expect((await running.end()).status).toBe(0)
    lock.release()
  })

  it('SIGTERM ends it well: the MISP of a new config keeps it waiting for its lists', async () => {
    const running = startDaemon()
    const ended = running.end()
    await until(() => running.stderr.includes('"at work"'))
    site.misp.faults.always({ kind: 'hang', path: 'warninglists' })
    site.writeConfig('policy: { misp_lists: true }\nhttp: { listen: "127.0.0.1:0" }\n')
    running.child.kill('SIGHUP')
    await until(() => site.misp.requests.some(({ path }) => path.includes('warninglists')))
    running.child.kill('SIGTERM')
    const { status, stderr } = await ended
    expect(status, stderr).toBe(0)
  })

  it('a second signal ends it at once: its config is on a disk that hangs', async () => {
    execFileSync('mkfifo', [join(site.folder, 'slow.yml')])
    const env = hooked('SIGTERM', MOMENTS[0]!)
    daemon = site.start(['run', '-c', 'slow.yml'], { env })
    const { child } = daemon
    const ended = daemon.end()
    const again = setInterval(() => child.kill('SIGTERM'), 50)
    expect(await ended).toMatchObject({ status: null, signal: 'SIGTERM' })
    clearInterval(again)
  })
})
