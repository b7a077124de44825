import { expect, it } from 'vitest'
import { Steadiness } from '../../src/daemon/steadiness.js'
import { createLogger } from '../../src/log.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

it('trusts a clock that has run evenly for an hour, and tells of each jump once', async () => {
  let [ran, wall] = [0, 1_795_300_000_000]
  const pass = (ms: number) => {
    ran += ms
    wall += ms
  }
  const told: { seconds: number; msg: string }[] = []
  const write = (line: string) => void told.push(JSON.parse(line))
  const log = await createLogger({ level: 'info', pretty: false, destination: { write } })
  const clock = new Steadiness({ monotonic: () => ran, wall: () => wall }, log)

  expect(clock.isSteady()).toBe(true)
  pass(30 * DAY)
  wall += 59_000
  expect(clock.isSteady()).toBe(true)
  wall += DAY
  expect(clock.isSteady()).toBe(false)
  pass(HOUR - 1)
  expect(clock.isSteady()).toBe(false)
  wall -= DAY
  expect(clock.isSteady()).toBe(false)
  pass(HOUR - 1)
  expect(clock.isSteady()).toBe(false)
  pass(1)
  expect(clock.isSteady()).toBe(true)
  expect(told.map(({ seconds }) => seconds)).toEqual([86_400, -86_400])
  expect(told[0]!.msg).toContain('put forward')
  expect(told[1]!.msg).toContain('put back')
})
