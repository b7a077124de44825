/** SIGKILL at any statement of a sync: one more sync, and everything is as MISP says. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { expectInvariants } from '../ledger/invariants.js'
import { hasMemcached } from '../servers/memcached.js'
import { Happenings, randomFrom } from './happenings.js'
import { domains, Rig } from './rig.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = join(root, '.build/test/sync/crash-main.js')
const hook = join(root, 'test/ledger/kill-at.cjs')
/** More statements than a sync here takes in one thread, until one that ended has said how many. */
const MOST = 500

let rig: Rig
afterEach(() => rig.close())

describe.skipIf(!hasMemcached())('a sync under SIGKILL', () => {
  it('is made good by the next', async () => {
    if (!existsSync(main)) throw new Error('not built: run npm test, or tsc -p tsconfig.dev.json')
    rig = await Rig.start({ memcached: true, guard: { revoke_min: 10_000, growth_min: 10_000 } })
    const happenings = new Happenings(fuzzSeed())
    const random = randomFrom(fuzzSeed())
    let most = MOST
    let killed = 0
    for (let n = 0; n < fuzzRuns(120); n += 1) {
      rig.store.addEvent({ attributes: domains(5, `n${n}x`) })
      for (let left = 6; left > 0; left -= 1) happenings.happen(rig.store)
      rig.store.advance(5)
      if (happenings.chance(0.3)) await rig.memcached!.say('flush_all\r\n', 'OK\r\n')
      const at = 1 + Math.floor(random() * most)
      const { end, statements } = await syncKilledAt(at, happenings.pick(['before', 'after']))
      expect(['SIGKILL', 0]).toContain(end)
      if (end === 'SIGKILL') killed += 1
      else most = statements
      await rig.syncRight()
      expectInvariants((await rig.house.ledger()).db)
    }
    expect(killed).toBeGreaterThan(fuzzRuns(120) / 3)
  })
})

/** How the process ended, by its signal or its status, and how many statements it took if it did. */
async function syncKilledAt(at: number, when: string) {
  // The next to open the ledger is the first after the kill.
  await rig.house.reopen()
  const { misp, house, memcached, store } = rig
  const facts = [house.dataDir, misp.url, misp.keys.readonly, memcached!.port, store.now].map(
    String,
  )
  const child = spawn(process.execPath, ['-r', hook, main, ...facts], {
    env: { ...process.env, KILL_AT: String(at), KILL_WHEN: when },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [[status, signal], counts] = await Promise.all([
    once(child, 'exit') as Promise<[number | null, string | null]>,
    text(child.stdout),
  ])
  return { end: signal ?? status, statements: Number(counts.split('\n')[0]) }
}
