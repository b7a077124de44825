/** Keepers of one kind, as a config wants them. */
import { expect, it } from 'vitest'
import { Rota } from '../../src/daemon/rota.js'
import { Staff, type Wanted } from '../../src/daemon/staff.js'
import { UsageError } from '../../src/errors.js'

it('of a plan that fails nothing stays open', async () => {
  const open = new Set<string>()
  const wanted = (name: string): Wanted<{ run: () => Promise<void> }> => ({
    name,
    settings: '',
    open: () => {
      // As where the package of a channel is missing.
      if (name === 'zmq of main') throw new UsageError({ what: 'it can not be opened' })
      open.add(name)
      return { keeper: { run: async () => undefined }, close: async () => void open.delete(name) }
    },
  })
  const staff = new Staff('part', new Rota(() => undefined))
  const names = ['flows', 'alerts', 'zmq of main']
  await expect(staff.plan(names.map(wanted))).rejects.toThrow('can not be opened')
  expect([...open]).toEqual([])
  await staff.plan(names.slice(0, 2).map(wanted))
  expect([...open]).toEqual(['flows', 'alerts'])
})
