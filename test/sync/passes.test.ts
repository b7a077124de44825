/** Pulls that ask for a part of a MISP: what they find counts, of the rest they say nothing. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSources, readWithheld } from '../../src/ledger/sources.js'
import { silentLogger } from '../../src/log.js'
import { createPolicy } from '../../src/policy/policy.js'
import { legacyPolicySettings } from '../../src/policy/settings.js'
import { Deriver } from '../../src/sync/derive.js'
import { LARGE_ATTRIBUTES, LargeEvents } from '../../src/sync/large-events.js'
import { openSource } from '../../src/sync/open-source.js'
import { type PullReport, pull } from '../../src/sync/pull.js'
import { guardSettings } from '../../src/sync/settings.js'
import type { Pass } from '../../src/sync/source.js'
import { Turns } from '../../src/sync/turns.js'
import { DAY, domains, NOW, Rig } from './rig.js'

let rig: Rig

beforeEach(async () => {
  rig = await Rig.start()
})

afterEach(() => rig.close())

async function pass(what: Pass, large?: LargeEvents): Promise<PullReport> {
  const { house } = rig
  const ledger = await house.ledger()
  const log = silentLogger()
  const source = openSource(house.options.sources[0]!, { log, metrics: house.metrics })
  try {
    return await pull({
      source,
      row: readSources(ledger.db)[0]!,
      writer: ledger.writer,
      turns: new Turns(),
      deriver: new Deriver(createPolicy(legacyPolicySettings, [])),
      pass: what,
      ...(large && { large }),
      guard: guardSettings.parse({}),
      accept: new Set(),
      withheld: readWithheld(ledger.db),
      absentGrace: 0,
      now: house.now(),
      log,
      metrics: house.metrics,
      progress: () => undefined,
      onApplying: () => undefined,
      onApplied: () => undefined,
      signal: new AbortController().signal,
    })
  } finally {
    await source.close()
  }
}

/** Some events, known to the ledger. */
async function known(count: number, each = 2): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(each, `e${n}x`) })
  }
  await rig.syncRight()
  rig.store.advance(600)
}

const recent = (): Pass => ({ kind: 'recent', since: rig.store.now - 300 })

describe('a pass for what moved lately', () => {
  it('finds edits, and what was published late with an old timestamp', async () => {
    await known(3)
    rig.store.addAttribute(2, { type: 'domain', value: 'new.example.com' })
    rig.store.publish(2)
    rig.store.addEvent({
      timestamp: NOW - 30 * DAY,
      publish_timestamp: rig.store.now,
      attributes: [{ type: 'domain', value: 'synced.example.com' }],
    })
    expect(await pass(recent())).toMatchObject({ added: 2 })
    await rig.expectRight()
  })

  it('takes no event for gone that it was not told of', async () => {
    await known(3)
    rig.store.deleteEvent(1)
    expect(await pass(recent())).toMatchObject({ unchanged: true })
    expect(await rig.values()).toHaveLength(6)
    expect(await pass({ kind: 'whole' })).toMatchObject({ removed: { absent: 2 } })
  })

  it('leaves in place what is withheld', async () => {
    await known(400)
    rig.misp.faults.always({ kind: 'half', path: 'events/index' })
    const { withheld } = await pass({ kind: 'whole' })
    expect(withheld).toHaveLength(1)
    rig.misp.faults.clear()
    await pass(recent())
    const { db } = await rig.house.ledger()
    expect(readWithheld(db).map(({ id }) => id)).toEqual(withheld.map(({ id }) => id))
    expect(await pass({ kind: 'whole' })).toMatchObject({ withheld: [] })
    expect(readWithheld(db)).toEqual([])
  })
})

describe('a pass for named events', () => {
  it('reads these, where they differ, and no others', async () => {
    await known(3)
    rig.store.addAttribute(1, { type: 'domain', value: 'one.example.com' })
    rig.store.addAttribute(2, { type: 'domain', value: 'two.example.com' })
    for (const id of [1, 2]) rig.store.publish(id)
    const events = [rig.store.event(1).uuid, rig.store.event(3).uuid]
    expect(await pass({ kind: 'named', events })).toMatchObject({ added: 1 })
    expect(await rig.values()).not.toContain('two.example.com')
  })
})

describe('reading again', () => {
  it('finds what moves nothing, such as a tag of the attribute that is local', async () => {
    await known(2)
    const [row] = rig.store.event(1).attributes()
    rig.store.tagAttributeLocally(row!.id, 'local:seen')
    expect(await pass({ kind: 'whole' })).toMatchObject({ unchanged: true })
    const events = [rig.store.event(1).uuid, rig.store.event(2).uuid]
    expect(await pass({ kind: 'again', events })).toMatchObject({ changed: 1 })
    expect(await pass({ kind: 'again', events })).toMatchObject({ changed: 0 })
  })

  it('leaves to the other passes what shows', async () => {
    await known(1)
    rig.store.addAttribute(1, { type: 'domain', value: 'new.example.com' })
    rig.store.publish(1)
    const events = [rig.store.event(1).uuid]
    expect(await pass({ kind: 'again', events })).toMatchObject({ unchanged: true })
  })
})

describe('an event too large to be read whole each time', () => {
  it('goes by what was edited; a hard deletion is found when an hour is over', async () => {
    let ms = 0
    const large = new LargeEvents(() => ms)
    const size = LARGE_ATTRIBUTES + 2
    rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(size, 'l') })
    await rig.house.sync()
    rig.store.advance(600)
    const [first, second, third] = rig.store.event(1).attributes()
    const edit = async (): Promise<PullReport> => {
      rig.store.addAttribute(1, { type: 'domain', value: `at${rig.store.now}.example.com` })
      rig.store.publish(1)
      const report = await pass(recent(), large)
      rig.store.advance(600)
      return report
    }
    expect((await edit()).attributes).toBe(size + 1)
    rig.store.softDelete(first!.id)
    rig.store.hardDelete(second!.id)
    const delta = await edit()
    expect(delta).toMatchObject({ added: 1, removed: { deleted: 1 } })
    expect(delta.attributes).toBeLessThan(100)
    rig.store.setToIds(third!.id, false)
    expect(await edit()).toMatchObject({ added: 1, removed: { to_ids: 1 } })
    ms = 3_600_000
    expect(await pass({ kind: 'whole' }, large)).toMatchObject({ removed: { absent: 1 } })
    await rig.expectRight()
    expect(await pass({ kind: 'whole' }, large)).toMatchObject({ unchanged: true })
  }, 120_000)
})
