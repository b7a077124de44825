/** A sync that is told to stop, at any moment: what is there is consistent, and the next goes on. */
import { afterEach, describe, expect, it } from 'vitest'
import type { SyncProgress } from '../../src/sync/sync.js'
import { expectInvariants } from '../ledger/invariants.js'
import { MemorySink } from './memory-sink.js'
import { DAY, domains, NOW, Rig } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

class Stopped extends Error {}

/** Stops at the first progress that is like this. */
async function stopAt(is: (progress: SyncProgress) => boolean): Promise<void> {
  const controller = new AbortController()
  const onProgress = (progress: SyncProgress) => {
    if (is(progress)) controller.abort(new Stopped('enough'))
  }
  const { signal } = controller
  await expect(rig.house.sync([], { signal, onProgress })).rejects.toThrow(Stopped)
  expectInvariants((await rig.house.ledger()).db)
}

describe('a sync that is stopped', () => {
  const moments: Record<string, (progress: SyncProgress) => boolean> = {
    'when it begins to read': ({ phase }) => phase === 'pull',
    'when it has read half': (progress) => progress.phase === 'pull' && progress.done > 600,
    'when it writes to a sink': ({ phase }) => phase === 'ship',
  }
  for (const [what, is] of Object.entries(moments)) {
    it(`goes on where it was, ${what}`, async () => {
      const sink = new MemorySink('memory')
      rig = await Rig.start({ sinks: [sink] })
      for (let n = 0; n < 1200; n += 1) {
        rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(2, `e${n}x`) })
      }
      await stopAt(is)
      await rig.syncRight()
      expect(sink.held.size).toBe(2400)
    })
  }

  it('has changed nothing before all was read', async () => {
    rig = await Rig.start()
    for (let n = 0; n < 600; n += 1) {
      rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(1, `e${n}x`) })
    }
    await stopAt(({ phase }) => phase === 'pull')
    expect(await rig.values()).toEqual([])
  })
})
