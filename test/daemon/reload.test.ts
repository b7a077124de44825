/** A new config that fails half-way. */
import { expect, it } from 'vitest'
import type { LoadedConfig } from '../../src/config/load.js'
import { type Reloading, reload } from '../../src/daemon/reload.js'
import { LedgerError } from '../../src/errors.js'
import { createLogger } from '../../src/log.js'

const CONFIG = { dataDir: '/d' } as LoadedConfig

/** The parts of a daemon, of which one fails. */
async function reloading(failing: 'plan' | 'carryOut') {
  const logged: string[] = []
  const write = (line: string) => void logged.push(line)
  const log = await createLogger({ level: 'info', pretty: false, destination: { write } })
  const part = (name: string) => async () => {
    if (name === failing) throw new LedgerError({ what: 'the disk is full' })
    return {}
  }
  const parts = {
    works: { log },
    policy: { load: part('load'), use: part('use') },
    household: { plan: part('plan'), carryOut: part('carryOut'), poke: () => undefined },
    serving: { serve: part('serve') },
    load: async () => ({ ...CONFIG }),
  }
  return { parts: parts as unknown as Reloading, logged }
}

it('is refused while the old one is in force as a whole', async () => {
  const { parts, logged } = await reloading('plan')
  expect(await reload(parts, CONFIG, new AbortController().signal)).toBe(CONFIG)
  expect(logged.join()).toContain('REFUSED')
})

it('ends the daemon where works of the old one have ended already', async () => {
  const { parts, logged } = await reloading('carryOut')
  await expect(reload(parts, CONFIG, new AbortController().signal)).rejects.toThrow('disk is full')
  expect(logged).toEqual([])
})
