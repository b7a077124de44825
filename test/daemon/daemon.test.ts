/** The daemon as a process, with a stand-in MISP and a real memcached. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Running } from '../cli/cli.js'
import { Site, until } from '../cli/site.js'
import { bulkWorld } from '../misp/world.js'
import { hasMemcached } from '../servers/memcached.js'
import { freePort } from '../servers/program.js'
import { Askers } from './askers.js'
import { hasSystemdNotify, NotifySocket } from './notify-socket.js'

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
function writeConfig(more = '', source = '', http = 'listen: "127.0.0.1:0"'): void {
  const { url, keys } = site.misp
  const every = `every: 1s, timeout: 15s${source && `, ${source}`}`
  site.write(
    'tipline.yml',
    `sources:
  - { name: main, url: "${url}", key: "${keys.readonly}", ${every} }
sinks:
  memcached: { servers: ["${site.memcached.address}"], value: ids, timeout: 10s }
http: { ${http} }
${more}`,
  )
}

function startDaemon(env: Record<string, string> = {}): Running {
  const daemon = site.start(['run', '--json'], { env })
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

function urlOf(daemon: Running): string {
  const [line = '{}'] = linesWith(daemon, '"listening"')
  return (JSON.parse(line) as { url: string }).url
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
    await site.ask(['hold', 'evil.example', '--why', 'ours', '--for', '15s'])
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
    site.misp.faults.clear()
    await until(holds('misp-ip:198.51.100.7', '1#ip-dst,2#ip-src'))
    await until(() => linesWith(daemon, 'well again after').length > 0)
    expect(linesWith(daemon, 'well again after')).toHaveLength(1)
    expect(linesWith(daemon, 'refused us (HTTP 403)')).toHaveLength(1)
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

describe.skipIf(!hasMemcached())('a new config at SIGHUP', () => {
  let daemon: Running

  beforeEach(async () => {
    await site.startMisp()
    await site.startMemcached()
    writeConfig()
    daemon = startDaemon()
    await until(holds('misp-domain:evil.example', '1#domain'))
  })

  it('is taken over, and told; no request is dropped, whatever changes under load', async () => {
    const told = () => linesWith(daemon, 'a new config is in force')
    const port = await freePort()
    const elsewhere = `listen: "127.0.0.1:${port}"`
    const many = 'limits: { requests_per_second: 1000000 }'
    const fewer = 'limits: { requests_per_second: 1000000, connections: 100 }'
    const reload = async (more: string, http: string) => {
      const before = told().length
      writeConfig(more, '', http)
      daemon.child.kill('SIGHUP')
      await until(() => told().length > before)
      return (JSON.parse(told().at(-1)!) as { changes: string[] }).changes
    }
    const here = 'listen: "127.0.0.1:0"'
    await reload('', `${here}, ${many}`)
    const url = urlOf(daemon)
    const askers = new Askers(`${url}/v1/lookup?value=evil.example`, 8)
    const own = 'policy: { own: ["evil.example"] }\n'
    for (const [more, limits] of [
      [own, many],
      [own, fewer],
      ['', fewer],
      ['', many],
    ] as const) {
      const { answered } = askers
      const changes = await reload(more, `${here}, ${limits}`)
      expect(changes).toHaveLength(1)
      if (more !== '') await until(holds('misp-domain:evil.example', null))
      await until(() => askers.answered > answered + 100)
    }
    expect([...askers.outcomes.keys()]).toEqual([200])
    expect(urlOf(daemon)).toBe(url)
    // Who is connected is answered once more; then there is nobody here.
    await reload('', `${elsewhere}, ${many}`)
    await until(() => askers.outcomes.has('ECONNREFUSED'))
    await askers.stop()
    expect([...askers.outcomes.keys()]).toEqual([200, 'ECONNREFUSED'])
    expect((await fetch(`http://127.0.0.1:${port}/v1/lookup?value=x`)).status).toBe(200)
  })

  it('takes in a new source, and lets go of none that stays', async () => {
    const { url, keys } = site.misp
    const more = `  - { name: second, url: "${url}", key: "${keys.readonly}", every: 1s }`
    const text = readFileSync(join(site.folder, 'tipline.yml'), 'utf8')
    site.write('tipline.yml', text.replace('\nsinks:', `\n${more}\nsinks:`))
    daemon.child.kill('SIGHUP')
    await until(() => linesWith(daemon, 'source second is new').length === 1)
    await until(async () => {
      const value = await site.memcached.read('misp-domain:evil.example')
      return value === '1#domain#main'
    })
  })

  it('is refused loudly when it is wrong, and the old one stays', async () => {
    writeConfig('polycy: {}\n')
    daemon.child.kill('SIGHUP')
    await until(() => linesWith(daemon, 'THE NEW CONFIG IS REFUSED').length === 1)
    const [line = ''] = linesWith(daemon, 'THE NEW CONFIG IS REFUSED')
    expect(JSON.parse(line).problems[0]).toContain('did you mean "policy"?')
    site.misp.store.addAttribute(2, { type: 'ip-src', value: '192.0.2.78' })
    site.misp.store.publish(2)
    await until(holds('misp-ip:192.0.2.78', '2#ip-src'))
  })

  it('may not move the data folder', async () => {
    writeConfig('data_dir: ./elsewhere\n')
    daemon.child.kill('SIGHUP')
    await until(() => linesWith(daemon, 'data_dir can not change').length === 1)
    expect(daemon.child.exitCode).toBeNull()
  })
})

describe.skipIf(!hasMemcached())('what a daemon is asked', () => {
  beforeEach(async () => {
    await site.startMisp(() => bulkWorld({ attributes: 600, eventsOf: 20 }))
    await site.startMemcached()
  })

  it('is done by it: `tipline sync`, and letting through what was withheld', async () => {
    writeConfig()
    const daemon = startDaemon()
    await until(async () => (await site.ask(['status'])).exit === 0)
    site.misp.faults.always({ kind: 'half', path: 'events/index' })
    // Gone from the index is not gone from the ledger before the grace is over.
    writeConfig('', 'absent_grace: 0s')
    daemon.child.kill('SIGHUP')
    await until(() => linesWith(daemon, 'source main changed').length === 1)
    const withheld = await site.ask(['sync'])
    expect(withheld).toMatchObject({ exit: 4, status: 'frozen', sinks: [{ ok: true }] })
    const [source] = withheld.sources as { withheld: { id: string }[] }[]
    const [{ id = '' } = {}] = source!.withheld
    const mistyped = await site.run(['sync', '--accept', 'ffffffff'])
    expect([mistyped.status, mistyped.stdout]).toEqual([2, ''])
    expect(mistyped.stderr).toContain('nothing is withheld under the id ffffffff')
    const accepted = await site.run(['sync', '--accept', id])
    expect(accepted.status, accepted.stdout + accepted.stderr).toBe(0)
    expect(accepted.stdout).toContain('absent')
    expect(daemon.child.exitCode).toBeNull()
  })

  it('is answered by its API: health, state, and that it is ready', async () => {
    writeConfig()
    const daemon = startDaemon()
    await atWork(daemon)
    const url = urlOf(daemon)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    await until(async () => (await fetch(`${url}/readyz`)).status === 200)
    const status = (await (await fetch(`${url}/v1/status`)).json()) as object
    expect(status).toMatchObject({ sources: [{ name: 'main' }], sinks: [{ name: 'memcached' }] })
    expect(statSync(join(site.folder, 'tipline-data/daemon.sock')).mode & 0o777).toBe(0o600)
  })
})

describe.skipIf(!hasMemcached() || !hasSystemdNotify())('under systemd', () => {
  it('tells that it is ready, reloads, lives, and stops', async () => {
    await site.startMisp()
    await site.startMemcached()
    writeConfig()
    const systemd = await NotifySocket.listen(join(site.folder, 'notify.sock'))
    try {
      const daemon = startDaemon({
        NOTIFY_SOCKET: systemd.path,
        WATCHDOG_USEC: '400000',
      })
      await until(() => systemd.has('READY=1'))
      await until(() => systemd.has('2 of 2 sources and sinks well') && systemd.has('WATCHDOG=1'))
      daemon.child.kill('SIGHUP')
      await until(() => systemd.has('RELOADING=1\nMONOTONIC_USEC='))
      await until(() => systemd.messages.filter((text) => text.includes('READY=1')).length === 2)
      daemon.child.kill('SIGTERM')
      await daemon.end()
      await until(() => systemd.has('STOPPING=1'))
    } finally {
      systemd.close()
    }
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
