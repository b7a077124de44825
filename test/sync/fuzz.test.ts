/** Whatever happens to a MISP, in any order: after each sync ledger and memcached are as they ought to be. */
import { afterEach, describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { expectInvariants } from '../ledger/invariants.js'
import { hasMemcached } from '../servers/memcached.js'
import { Happenings } from './happenings.js'
import type { Wanted } from './oracle.js'
import { HOUR, Rig } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

/** The guard has its own tests; here a handful of attributes come and go. */
const GUARD = { revoke_min: 10_000, growth_min: 10_000 }
const FILTERS: Record<string, Wanted> = {
  'the default filters': {},
  'tags and a few types': { tags: ['tlp:%', '!tlp:red'], types: ['domain', 'ip-dst', 'domain|ip'] },
  'drafts and context': { published: 'any', toIds: false },
}

describe.skipIf(!hasMemcached())('random histories', () => {
  for (const [n, [what, filters]] of Object.entries(FILTERS).entries()) {
    it(`end as the store says, with ${what}`, async () => {
      rig = await Rig.start({ filters, guard: GUARD, memcached: true })
      const happenings = new Happenings(fuzzSeed() + n)
      for (let step = 0; step < fuzzRuns(300); step += 1) {
        if (happenings.chance(0.2)) await drifting(happenings)
        for (let left = happenings.pick([0, 1, 2, 3, 8]); left > 0; left -= 1) {
          happenings.happen(rig.store)
          if (happenings.chance(0.5)) rig.store.advance(happenings.pick([1, 2, HOUR]))
        }
        rig.store.deletedNeedsSync = happenings.chance(0.3)
        await rig.syncRight()
      }
      expectInvariants((await rig.house.ledger()).db, { steady: true })
    })
  }
})

/** Something happens between index and rows; that sync may be half right, and the next is right. */
async function drifting(happenings: Happenings): Promise<void> {
  const change = () => {
    for (let left = 3; left > 0; left -= 1) happenings.happen(rig.store)
  }
  const path = happenings.pick(['restSearch', 'events/index'])
  const after = happenings.pick([0, 1])
  rig.misp.faults.next({ kind: 'drift', path, after, change })
  happenings.happen(rig.store)
  rig.store.advance(happenings.pick([0, 5]))
  expect((await rig.house.sync()).status).toBe(0)
  rig.misp.faults.clear()
  // What was half seen as a draft is not worked out here, so all is published.
  for (const id of rig.store.events.keys()) rig.store.publish(id)
  await rig.syncRight()
}
