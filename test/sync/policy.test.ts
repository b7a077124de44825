/** The policy over what is in the ledger: a change of it, or of the time, needs no pull. */
import { afterEach, describe, expect, it } from 'vitest'
import { readWithheld } from '../../src/ledger/sources.js'
import { legacyPolicySettings, policySettings } from '../../src/policy/settings.js'
import { parseWarninglist } from '../../src/policy/warninglist.js'
import type { AttributeSpec } from '../misp/model.js'
import { hasMemcached } from '../servers/memcached.js'
import { contents } from './contents.js'
import { MemorySink } from './memory-sink.js'
import { DAY, domains, HOUR, NOW, Rig, type RigOptions } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

const legacy = (more: object) => ({ ...legacyPolicySettings, ...more })
const none = policySettings.parse({ shipped_lists: false })

async function start(
  attributes: readonly AttributeSpec[],
  options: RigOptions = {},
): Promise<void> {
  rig = await Rig.start(options)
  rig.store.addEvent({ timestamp: NOW - DAY, attributes })
  await rig.house.sync()
}

/** From now on the policy says so; MISP is down, and is not needed. */
async function judgeAnew(
  options: Parameters<typeof rig.house.configure>[0],
  accept: string[] = [],
) {
  rig.house.configure(options)
  rig.misp.faults.always({ kind: 'forbidden' })
  const report = await rig.house.sync(accept)
  rig.misp.faults.clear()
  return report
}

const live = async () => [...(await rig.house.live()).keys()].sort()

describe('a changed policy', () => {
  const rows = [
    { type: 'ip-dst', value: '198.51.100.7' },
    { type: 'ip-dst', value: '10.1.2.3' },
    { type: 'domain', value: 'evil.example.com', tags: ['TLP:AMBER'] },
    { type: 'filename', value: 'dropper.exe' },
    { type: 'domain|ip', value: 'pair.example.org|203.0.113.30' },
  ]
  const all = [
    'domain:evil.example.com',
    'domain:pair.example.org',
    'ip:198.51.100.7',
    'ip:203.0.113.30',
  ]

  it('judges what was set aside as it was read, a NUL and all', async () => {
    await start([{ type: 'ip-dst', value: '198.51.100.7\0.example' }])
    expect(await live()).toEqual([])
    await judgeAnew({ policy: none })
    expect(await live()).toEqual([])
  })

  it('holds and releases without asking MISP', async () => {
    await start(rows)
    expect(await live()).toEqual(all)
    const cases: [settings: object, expected: string[]][] = [
      [{ own: ['198.51.100.0/24'] }, all.filter((key) => key !== 'ip:198.51.100.7')],
      [{ own: ['example.org'] }, all.filter((key) => key !== 'domain:pair.example.org')],
      [
        { allow: ['10.0.0.0/8'] },
        [
          'domain:evil.example.com',
          'domain:pair.example.org',
          'ip:10.1.2.3',
          'ip:198.51.100.7',
          'ip:203.0.113.30',
        ],
      ],
      [{ max_tlp: 'green', untagged_as: 'green' }, all.slice(1)],
      [
        { kinds: ['filename'] },
        [
          'domain:evil.example.com',
          'domain:pair.example.org',
          'filename:dropper.exe',
          'ip:198.51.100.7',
          'ip:203.0.113.30',
        ],
      ],
      [{}, all],
    ]
    for (const [settings, expected] of cases) {
      const report = await judgeAnew({ policy: legacy(settings) })
      expect(report.policy.changed).toBeGreaterThan(0)
      expect(await live()).toEqual(expected)
    }
    expect((await judgeAnew({})).policy.changed).toBe(0)
  })

  it('holds by a list, and no more when that has gone', async () => {
    await start(rows)
    const json = { name: 'Ours', type: 'hostname', list: ['evil.example.com'], version: 1 }
    await judgeAnew({ lists: [parseWarninglist(json, 'ours.json')] })
    expect(await live()).toEqual(all.slice(1))
    await judgeAnew({ lists: [] })
    expect(await live()).toEqual(all)
  })

  it('is what the next pull judges by', async () => {
    await start(rows)
    rig.house.configure({ policy: legacy({ own: ['198.51.100.0/24'] }) })
    rig.store.addAttribute(1, { type: 'ip-dst', value: '198.51.100.8' })
    rig.store.addAttribute(1, { type: 'ip-dst', value: '192.0.2.8' })
    rig.store.publish(1)
    rig.store.advance(HOUR)
    await rig.house.sync()
    expect(await live()).toEqual([...all.slice(0, 2), 'ip:192.0.2.8', 'ip:203.0.113.30'])
  })

  it.skipIf(!hasMemcached())('reaches memcached in the same cycle', async () => {
    await start(rows, { memcached: true })
    await judgeAnew({ policy: legacy({ own: ['198.51.100.0/24'] }) })
    expect([...(await contents(rig.memcached!)).keys()]).not.toContain('misp-ip:198.51.100.7')
    await judgeAnew({ policy: legacy({}) })
    expect([...(await contents(rig.memcached!)).keys()]).toContain('misp-ip:198.51.100.7')
  })
})

describe('a policy that would stop a lot', () => {
  /** 150 of 300 names would be held; each is in three events. */
  async function startMany(): Promise<void> {
    rig = await Rig.start()
    for (let n = 0; n < 3; n += 1) {
      const attributes = [...domains(150, 'a'), ...domains(150, 'b')]
      rig.store.addEvent({ timestamp: NOW - DAY, attributes })
    }
    await rig.house.sync()
  }
  const holding = (count: number) => legacy({ own: domains(count, 'a').map(({ value }) => value) })

  it('waits for a word, and then does just that', async () => {
    await startMany()
    const report = await judgeAnew({ policy: holding(150) })
    expect(report.status).toBe(4)
    expect(report.policy.withheld?.why).toBe(
      'the changed policy would stop 150 of 300 live indicators',
    )
    expect(await rig.values()).toHaveLength(300)
    const { id } = report.policy.withheld!
    expect((await judgeAnew({})).policy.withheld?.id).toBe(id)
    const { db } = await rig.house.ledger()
    expect(readWithheld(db)).toMatchObject([{ id, source: null, kind: 'policy', items: 150 }])
    const accepted = await judgeAnew({}, [id])
    expect(accepted.policy).toEqual({ changed: 450, withheld: null })
    expect(await rig.values()).toHaveLength(150)
    expect(readWithheld(db)).toEqual([])
  })

  it('counts indicators, not how many events have them', async () => {
    await startMany()
    expect((await judgeAnew({ policy: holding(60) })).policy.withheld).toBe(null)
    expect(await rig.values()).toHaveLength(240)
  })

  it('is another one when it stops something else, however little', async () => {
    await startMany()
    const { id } = (await judgeAnew({ policy: holding(150) })).policy.withheld!
    const other = await judgeAnew({ policy: holding(130) }, [id])
    expect(other.status).toBe(4)
    expect(other.policy.withheld?.id).not.toBe(id)
    expect(await rig.values()).toHaveLength(300)
  })

  it('is forgotten when it is taken back', async () => {
    await startMany()
    expect((await judgeAnew({ policy: holding(150) })).status).toBe(4)
    rig.house.configure({ policy: legacyPolicySettings })
    expect((await rig.house.sync()).status).toBe(0)
    expect(readWithheld((await rig.house.ledger()).db)).toEqual([])
  })

  it('does not stop an indicator that another event still carries', async () => {
    rig = await Rig.start({ policy: none })
    const tagged = (tags: string[]) => domains(150).map((row) => ({ ...row, tags, timestamp: NOW }))
    rig.store.addEvent({ attributes: tagged(['tlp:green']) })
    rig.store.addEvent({ attributes: tagged(['tlp:amber']) })
    await rig.house.sync()
    const report = await judgeAnew({ policy: { ...none, max_tlp: 'green' } })
    expect(report.policy).toEqual({ changed: 150, withheld: null })
    expect(await rig.values()).toHaveLength(150)
  })
})

describe('a policy under which others carry the same', () => {
  it('stops nothing', async () => {
    rig = await Rig.start({ policy: { ...none, max_tlp: 'amber', untagged_as: 'red' } })
    const names = domains(150).map((row) => ({ ...row, timestamp: NOW }))
    rig.store.addEvent({ tags: ['tlp:amber'], attributes: names })
    rig.store.addEvent({ attributes: names })
    await rig.house.sync()
    expect((await rig.house.pieces()).get('domain:n0.example.com')).toBe('1#domain')
    const report = await judgeAnew({ policy: { ...none, max_tlp: 'green', untagged_as: 'green' } })
    expect(report.policy).toEqual({ changed: 300, withheld: null })
    expect((await rig.house.pieces()).get('domain:n0.example.com')).toBe('2#domain')
  })
})

describe('time', () => {
  const moment = (seconds: number) => new Date(seconds * 1000).toISOString()

  it('holds what has grown too old, and releases it when it is seen again', async () => {
    const sink = new MemorySink('memory')
    const old = { type: 'ip-dst', value: '198.51.100.7', timestamp: NOW - 360 * DAY }
    await start([old, { type: 'md5', value: '0d61f8370cad1d412f80b84d143e1257', timestamp: 1 }], {
      policy: none,
      sinks: [sink],
    })
    expect([...sink.held.keys()]).toHaveLength(2)
    rig.store.advance(10 * DAY)
    await rig.house.sync()
    expect([...sink.held.keys()]).toEqual(['md5:0d61f8370cad1d412f80b84d143e1257'])
    rig.edit(1, { comment: 'seen again' })
    await rig.house.sync()
    expect([...sink.held.keys()]).toContain('ip:198.51.100.7')
  })

  it('holds what is valid no more, and asks MISP for nothing', async () => {
    await start([{ type: 'domain', value: 'evil.example.com', last_seen: moment(NOW + DAY) }], {
      policy: none,
    })
    expect(await rig.values()).toEqual(['evil.example.com'])
    rig.store.advance(2 * DAY)
    rig.misp.requests.length = 0
    await rig.house.sync()
    expect(await rig.values()).toEqual([])
    expect(rig.misp.requests).toHaveLength(1)
  })

  it('means nothing under a legacy policy', async () => {
    await start([
      { type: 'ip-dst', value: '198.51.100.7', timestamp: 1, last_seen: moment(NOW - DAY) },
    ])
    rig.store.advance(4000 * DAY)
    await rig.house.sync()
    expect(await live()).toEqual(['ip:198.51.100.7'])
  })
})

describe('a hold by hand', () => {
  const hold = (until: number | null, event: string | null = null) => ({
    target: '198.51.100.7',
    targets: event ? [] : [{ space: 'ip', value: '198.51.100.7', port: 0 }],
    event,
    author: 'night shift',
    why: 'floods us',
    until,
  })

  it('beats allow, survives syncs and new attributes, and runs out', async () => {
    const sink = new MemorySink('memory')
    const row = { type: 'ip-dst', value: '198.51.100.7' }
    await start([row], { sinks: [sink], policy: legacy({ allow: ['198.51.100.7'] }) })
    const { writer } = await rig.house.ledger()
    await writer.addHold({ hold: hold(NOW + 10 * HOUR), now: NOW })
    await rig.house.sync()
    expect(sink.held.size).toBe(0)
    rig.store.addEvent({ attributes: [row, { type: 'ip-src|port', value: '198.51.100.7|443' }] })
    rig.store.advance(HOUR)
    await rig.house.sync()
    expect(sink.held.size).toBe(0)
    rig.store.advance(10 * HOUR)
    await rig.house.sync()
    expect(sink.held.get('ip:198.51.100.7')).toBe('1#ip-dst#main,2#ip-dst#main,2#ip-src|port#main')
  })

  it('of an event holds what comes into it, and not the values elsewhere', async () => {
    await start([{ type: 'ip-dst', value: '198.51.100.7' }, ...domains(1)])
    const { writer } = await rig.house.ledger()
    await writer.addHold({ hold: hold(null, rig.store.event(1).uuid), now: NOW })
    rig.store.addAttribute(1, { type: 'domain', value: 'new.example.com' })
    rig.store.publish(1)
    rig.store.addEvent({ attributes: domains(1) })
    rig.store.advance(HOUR)
    await rig.house.sync()
    expect(await live()).toEqual(['domain:n0.example.com'])
  })
})
