import { expect, it } from 'vitest'
import { Slots } from '../../src/misp/slots.js'

/** Who has a slot now; each takes one and tells. */
function queue(slots: Slots) {
  const inside: string[] = []
  const back = new Map<string, () => void>()
  const come = async (name: string) => {
    back.set(name, await slots.take())
    inside.push(name)
  }
  const go = async (name: string) => {
    inside.splice(inside.indexOf(name), 1)
    back.get(name)?.()
    await Promise.resolve()
  }
  return { inside, come, go }
}

it('lets in as many as the limit says, the others in the order they came', async () => {
  const { inside, come, go } = queue(new Slots(() => 2))
  await Promise.all([come('a'), come('b')])
  const waiting = [come('c'), come('d')]
  expect(inside).toEqual(['a', 'b'])
  await go('a')
  await waiting[0]
  expect(inside).toEqual(['b', 'c'])
  await go('b')
  await waiting[1]
  expect(inside).toEqual(['c', 'd'])
})

it('lets in fewer as soon as the limit falls, and more when it rises', async () => {
  let limit = 2
  const { inside, come, go } = queue(new Slots(() => limit))
  await Promise.all([come('a'), come('b')])
  const waiting = [come('c'), come('d')]
  limit = 1
  await go('a')
  expect(inside).toEqual(['b'])
  limit = 2
  await go('b')
  await Promise.all(waiting)
  expect(inside).toEqual(['c', 'd'])
})

it('lets one in whatever the limit says', async () => {
  const { inside, come } = queue(new Slots(() => 0))
  await come('a')
  expect(inside).toEqual(['a'])
})
