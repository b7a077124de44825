import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasMemcached } from '../servers/memcached.js'
import { Site, until } from './site.js'

const KEY = 'misp-ip:198.51.100.7'
let site: Site

beforeEach(async () => {
  site = new Site()
  await site.startMisp()
})

afterEach(() => site.close())

describe.skipIf(!hasMemcached())('the kill switch', () => {
  beforeEach(async () => {
    await site.startMemcached()
    site.writeConfig()
    expect((await site.run(['sync'])).status).toBe(0)
  })

  it('takes a value out of memcached at once, through syncs and without the MISP, and gives it back', async () => {
    await site.misp.close()
    const held = await site.ask(['hold', '198.51.100.7', '--why', 'floods us', '--by', 'alice'])
    expect(held).toMatchObject({
      exit: 0,
      known: true,
      hold: { id: 1, target: '198.51.100.7', author: 'alice', why: 'floods us', until: null },
      sinks: [{ name: 'memcached', ok: true }],
    })
    expect(await site.memcached.read(KEY)).toBeNull()
    const explained = await site.run(['explain', '198.51.100.7'])
    expect(explained.stdout).toContain('HELD by hand: held by alice: floods us')
    expect(await site.ask(['lookup', '198.51.100.7'])).toMatchObject({
      exit: 1,
      values: [{ found: false, state: 'held' }],
    })
    const released = await site.run(['release', '198.51.100.7'])
    expect(released.status).toBe(0)
    expect(released.stdout).toContain('now LIVE')
    expect(await site.memcached.read(KEY)).toBe('1#ip-dst,2#ip-src')
    expect((await site.run(['release', '198.51.100.7'])).status).toBe(1)
  })

  it('waits for no sync', async () => {
    site.misp.store.editEvent(1, { info: 'edited' })
    site.misp.store.publish(1)
    site.misp.faults.always({ kind: 'hang', path: 'restSearch' })
    const running = site.start(['sync'])
    await until(() => site.misp.requests.at(-1)?.path.includes('restSearch') ?? false)
    const held = await site.ask(['hold', '198.51.100.7', '--why', 'x'])
    expect(held).toMatchObject({ exit: 0, sinks: [{ ok: true }] })
    expect(await site.memcached.read(KEY)).toBeNull()
    expect(running.child.exitCode).toBeNull()
    running.child.kill('SIGTERM')
    expect((await running.end()).status).toBe(143)
  })

  it('outlasts syncs, whatever the sources bring', async () => {
    await site.run(['hold', '198.51.100.7', '--why', 'x'])
    const { store } = site.misp
    store.addAttribute(2, { type: 'ip-dst', value: '198.51.100.7' })
    store.publish(2)
    expect((await site.run(['sync'])).status).toBe(0)
    expect(await site.memcached.read(KEY)).toBeNull()
    expect(await site.ask(['status'])).toMatchObject({ holds: [{ target: '198.51.100.7' }] })
    await site.run(['release', '1'])
    expect(await site.memcached.read(KEY)).toBe('1#ip-dst,2#ip-dst,2#ip-src')
  })

  it('ends by itself when its time is over', async () => {
    await site.run(['hold', '198.51.100.7', '--why', 'x', '--for', '1s'])
    expect(await site.memcached.read(KEY)).toBeNull()
    await expect.poll(() => syncedValue(), { timeout: 20_000 }).not.toBeNull()
    const { holds } = await site.ask(['holds', '--all'])
    expect(holds).toMatchObject([{ ended_by: 'its time ran out' }])
  })

  it.each(['event:1', 'uuid', 'event:uuid'])('holds a whole event, named by %s', async (name) => {
    const { uuid } = site.misp.store.event(1)
    const held = await site.ask(['hold', name.replace('uuid', uuid), '--why', 'all false'])
    expect(held).toMatchObject({ exit: 0, known: true, hold: { event: uuid } })
    expect(await site.lookedUp()).toEqual({ [KEY]: '2#ip-src', 'misp-ip:192.0.2.77': '2#ip-src' })
  })

  it('holds a name without what is above or below it', async () => {
    const { store } = site.misp
    store.addAttribute(1, { type: 'domain', value: 'a.evil.example' })
    store.addAttribute(1, { type: 'hostname', value: 'b.a.evil.example' })
    store.publish(1)
    await site.run(['sync'])
    await site.run(['hold', 'A.Evil[.]example', '--why', 'x'])
    const keys = Object.keys(await site.lookedUp())
    expect(keys).toContain('misp-domain:evil.example')
    expect(keys).toContain('misp-hostname:b.a.evil.example')
    expect(keys).not.toContain('misp-domain:a.evil.example')
  })

  it('holds what is yet to come', async () => {
    const held = await site.run(['hold', '192.0.2.99', '--why', 'our scanner'])
    expect(held.status).toBe(0)
    expect(held.stdout).toContain('no source has this value now; it will be held when it comes')
    const { store } = site.misp
    store.addAttribute(2, { type: 'ip-dst', value: '192.0.2.99' })
    store.publish(2)
    await site.run(['sync'])
    expect(await site.memcached.read('misp-ip:192.0.2.99')).toBeNull()
    expect(await site.ask(['lookup', '192.0.2.99'])).toMatchObject({ values: [{ state: 'held' }] })
  })

  it('says when a sink is down, which catches up later', async () => {
    await site.memcached.stop()
    const held = await site.run(['hold', '198.51.100.7', '--why', 'x'])
    expect(held.status).toBe(3)
    expect(held.stdout).toContain('memcached: not yet')
    await site.memcached.restart()
    expect((await site.run(['sync'])).status).toBe(0)
    expect(await site.memcached.read(KEY)).toBeNull()
    expect(await site.memcached.read('misp-ip:192.0.2.77')).toBe('2#ip-src')
  })
})

describe('what can not be held or released', () => {
  it.each([
    [['hold', 'event:4711', '--why', 'x'], 'no source has an event 4711'],
    [['hold', '198.51.100.7'], "required option '--why <text>' not specified"],
    [['hold', '198.51.100.7', '--why', ' '], '--why is empty'],
    [['hold', '198.51.100.7', '--why', 'x', '--for', 'ever'], '--for ever is no duration'],
    [['hold', ' ', '--why', 'x'], '<what> is empty'],
    [['release', '17'], 'there is no hold 17 in force'],
  ])('%j', async (args, what) => {
    site.writeConfig()
    const ran = await site.run(args)
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain(`tipline: ${what}`)
  })
})

async function syncedValue(): Promise<string | null> {
  await site.run(['sync'])
  return site.memcached.read(KEY)
}
