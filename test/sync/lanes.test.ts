import { expect, it } from 'vitest'
import { inLanes } from '../../src/sync/lanes.js'

const NEVER = new AbortController().signal
const turn = () => new Promise((resolve) => setImmediate(resolve))

it('works on all, begun in their order, so many at once', async () => {
  const begun: number[] = []
  let inside = 0
  let most = 0
  await inLanes([1, 2, 3, 4, 5], { lanes: 2, signal: NEVER }, async (item) => {
    begun.push(item)
    inside += 1
    most = Math.max(most, inside)
    await turn()
    inside -= 1
  })
  expect(begun).toEqual([1, 2, 3, 4, 5])
  expect(most).toBe(2)
})

it('throws the first error once all have come to an end, and begins nothing more', async () => {
  const ended: number[] = []
  const work = async (item: number, signal: AbortSignal) => {
    if (item === 2) throw new Error('two is broken')
    while (!signal.aborted) await turn()
    ended.push(item)
    signal.throwIfAborted()
  }
  await expect(inLanes([1, 2, 3], { lanes: 2, signal: NEVER }, work)).rejects.toThrow(
    'two is broken',
  )
  expect(ended).toEqual([1])
})

it('stops with the reason of the signal', async () => {
  const stop = new AbortController()
  const begun: number[] = []
  const running = inLanes([1, 2, 3], { lanes: 2, signal: stop.signal }, async (item, signal) => {
    begun.push(item)
    while (!signal.aborted) await turn()
  })
  stop.abort(new Error('Ctrl-C'))
  await expect(running).rejects.toThrow('Ctrl-C')
  expect(begun).toEqual([1, 2])
})
