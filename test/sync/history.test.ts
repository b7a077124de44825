/** How long is remembered what was live. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY, domains, NOW, Rig } from './rig.js'

let rig: Rig

beforeEach(async () => {
  rig = await Rig.start()
  rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(3) })
  await rig.house.sync()
  rig.store.deleteEvent(1)
  await rig.house.sync()
})
afterEach(() => rig.close())

async function intervals(): Promise<number> {
  const { db } = await rig.house.ledger()
  const { n } = db.prepare('SELECT count(*) AS n FROM history').get() as { n: number }
  return n
}

describe('history', () => {
  it('goes when its time is up, counted from when the indicator stopped', async () => {
    rig.house.configure({ historySeconds: 30 * DAY })
    rig.store.advance(30 * DAY)
    await rig.house.sync()
    expect(await intervals()).toBe(3)
    rig.store.advance(DAY)
    await rig.house.sync()
    expect(await intervals()).toBe(0)
  })

  it('stays for ever where it is told to', async () => {
    rig.house.configure({ historySeconds: Number.POSITIVE_INFINITY })
    rig.store.advance(10_000 * DAY)
    await rig.house.sync()
    expect(await intervals()).toBe(3)
  })
})
