/** The daemon as a process, with a stand-in MISP and a real memcached. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Running } from '../cli/cli.js'
import { Site, until } from '../cli/site.js'
import { bulkWorld } from '../misp/world.js'
import { hasMemcached } from '../servers/memcached.js'

let site: Site
let daemons: Running[] = []

beforeEach(() => {
  site = new Site()
})

afterEach(async () => {
  for (const { child } of daemons) child.kill('SIGKILL')
  daemons = []
  await site.close()
})

/** Sources are asked every second. */
function writeConfig(more = ''): void {
  const { url, keys } = site.misp
  const every = 'every: 1s, timeout: 5s'
  site.write(
    'tipline.yml',
    `sources:
  - { name: main, url: "${url}", key: "${keys.readonly}", ${every} }
sinks:
  memcached: { servers: ["${site.memcached.address}"], value: ids, timeout: 2s }
${more}`,
  )
}

function startDaemon(): Running {
  const daemon = site.start(['run', '--json'])
  daemons.push(daemon)
  return daemon
}

async function atWork(daemon: Running): Promise<void> {
  await until(() => daemon.stderr.includes('"at work"') || daemon.child.exitCode !== null)
  expect(daemon.child.exitCode, daemon.stderr).toBeNull()
}

function linesWith(daemon: Running, text: string): string[] {
  return daemon.stderr.split('\n').filter((line) => line.includes(text))
}

const holds = (key: string, value: string | null) => async () =>
  (await site.memcached.read(key)) === value

describe.skipIf(!hasMemcached())('tipline run', () => {
  beforeEach(async () => {
    await site.startMisp()
    await site.startMemcached()
    writeConfig()
  })

  it('brings what is there and what changes into memcached, and ends well at SIGTERM', async () => {
    const daemon = startDaemon()
    await atWork(daemon)
    await until(holds('misp-ip:198.51.100.7', '1#ip-dst,2#ip-src'))
    const { store } = site.misp
    store.softDelete(store.event(2).attributes()[0]!.id)
    store.addAttribute(2, { type: 'ip-src', value: '192.0.2.78' })
    store.publish(2)
    await until(holds('misp-ip:192.0.2.78', '2#ip-src'))
    await until(holds('misp-ip:198.51.100.7', '1#ip-dst'))
    daemon.child.kill('SIGTERM')
    const ended = await daemon.end()
    expect(ended.status, ended.stderr).toBe(0)
    expect(JSON.parse(ended.stdout)).toEqual({ status: 'stopped', by: 'SIGTERM' })
    expect(await site.ask(['status'])).toMatchObject({ problems: [] })
  })

  it('refuses to be started twice on one data folder, and says who is there', async () => {
    const daemon = startDaemon()
    await atWork(daemon)
    const second = await site.run(['run'])
    expect(second.status).toBe(3)
    expect(second.stderr).toContain(`process ${daemon.child.pid} is already running as the daemon`)
  })

  it('follows a hold and a release of another process', async () => {
    const daemon = startDaemon()
    await until(holds('misp-domain:evil.example', '1#domain'))
    const held = await site.ask(['hold', 'evil.example', '--why', 'ours', '--for', '1h'])
    expect(held).toMatchObject({ exit: 0, sinks: [{ name: 'memcached', ok: true }] })
    expect(await site.memcached.read('misp-domain:evil.example')).toBeNull()
    const released = await site.ask(['release', 'evil.example'])
    expect(released).toMatchObject({ exit: 0 })
    expect(await site.memcached.read('misp-domain:evil.example')).toBe('1#domain')
    expect(daemon.child.exitCode).toBeNull()
  })

  it('ends a hold when its time has run out', async () => {
    startDaemon()
    await until(holds('misp-domain:evil.example', '1#domain'))
    await site.ask(['hold', 'evil.example', '--why', 'ours', '--for', '3s'])
    expect(await site.memcached.read('misp-domain:evil.example')).toBeNull()
    await until(holds('misp-domain:evil.example', '1#domain'))
  })

  it('waits for a memcached that is down, and fills it when it comes back empty', async () => {
    await site.memcached.stop()
    const daemon = startDaemon()
    await until(() => daemon.stderr.includes('refused the connection'))
    await site.memcached.restart()
    await until(holds('misp-ip:198.51.100.7', '1#ip-dst,2#ip-src'))
    await site.memcached.restart()
    site.misp.store.addAttribute(2, { type: 'ip-src', value: '192.0.2.78' })
    site.misp.store.publish(2)
    await until(holds('misp-ip:192.0.2.78', '2#ip-src'))
    await until(holds('misp-ip:198.51.100.7', '1#ip-dst,2#ip-src'))
    await until(() => daemon.stderr.includes('well again after'))
  })

  it('waits for a MISP that is down, and says so once', async () => {
    site.misp.faults.always({ kind: 'forbidden' })
    const daemon = startDaemon()
    await until(() => site.misp.requests.length > 3)
    expect(linesWith(daemon, 'refused us (HTTP 403)')).toHaveLength(1)
    site.misp.faults.clear()
    await until(holds('misp-ip:198.51.100.7', '1#ip-dst,2#ip-src'))
    await until(() => linesWith(daemon, 'well again after').length === 1)
  })

  it('is killed at any time, and goes on where it was', async () => {
    const first = startDaemon()
    await until(async () => (await site.ask(['status'])).exit === 0)
    first.child.kill('SIGKILL')
    await first.end()
    site.misp.store.deleteEvent(2)
    site.misp.store.addEvent({ attributes: [{ type: 'ip-src', value: '192.0.2.79' }] })
    const second = startDaemon()
    await until(holds('misp-ip:192.0.2.79', '3#ip-src'))
    expect(second.stderr).not.toContain('rebuilding')
  })
})

describe.skipIf(!hasMemcached())('SIGTERM in the middle of a pull', () => {
  it('ends the daemon well; the next one begins the pull again', async () => {
    await site.startMisp(() => bulkWorld({ attributes: 3000, eventsOf: 100 }))
    await site.startMemcached()
    site.misp.pace = 250
    writeConfig()
    const daemon = startDaemon()
    await until(() => site.misp.requests.some(({ path }) => path.includes('restSearch')))
    daemon.child.kill('SIGTERM')
    const ended = await daemon.end()
    expect(ended.status, ended.stderr).toBe(0)
    expect(await site.ask(['status'])).toMatchObject({ live: {} })
    site.misp.pace = undefined
    startDaemon()
    await until(async () => (await site.ask(['status'])).exit === 0)
    expect((await site.memcached.keys()).length).toBeGreaterThan(1000)
  })
})
