/** From publication to the sink. */
import { afterEach, expect, it } from 'vitest'
import { MemorySink } from './memory-sink.js'
import { DAY, domains, NOW, Rig } from './rig.js'

let rig: Rig

afterEach(() => rig.close())

const measured = () =>
  rig.house.metrics.samples().filter(({ name }) => name === 'tipline_publish_to_live_seconds')

it('is told of each event that is new, not of what was there before', async () => {
  rig = await Rig.start({ sinks: [new MemorySink('memory')] })
  rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(10, 'before') })
  await rig.syncRight()
  expect(measured()).toEqual([])

  rig.store.addEvent({ attributes: domains(10, 'one') })
  rig.store.addEvent({ attributes: domains(5, 'two') })
  // An event of long ago that only now comes to us is no slow one.
  rig.store.addEvent({
    timestamp: NOW - 90 * DAY,
    publish_timestamp: NOW - 90 * DAY,
    attributes: domains(5, 'old'),
  })
  rig.store.advance(40)
  await rig.syncRight()
  const [sample, ...others] = measured()
  expect(others).toEqual([])
  expect(sample?.counts?.at(-1)).toBe(2)
  expect(sample?.value).toBeGreaterThanOrEqual(2 * 40)
  expect(sample?.value).toBeLessThan(2 * 60)

  rig.store.advance(40)
  await rig.syncRight()
  expect(measured()[0]?.counts?.at(-1)).toBe(2)
})
