/** What fails all night is a few lines in the log. */
import { beforeEach, describe, expect, it } from 'vitest'
import { HitsError } from '../src/errors.js'
import { createLogger } from '../src/log.js'
import { Outages } from '../src/outage.js'

const HALF_HOUR = 30 * 60_000

let now: number
let lines: string[]
let outages: Outages

beforeEach(async () => {
  now = 0
  lines = []
  const write = (line: string) => void lines.push(line)
  const log = await createLogger({ level: 'info', pretty: false, destination: { write } })
  outages = new Outages(log, { monotonic: () => now, wall: () => 1_795_300_000_000 + now })
})

const fault = (what: string) => new HitsError({ what })
const messages = () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg)

describe('an outage', () => {
  it('is told when it begins, every half hour, and when it is over', () => {
    const outage = outages.of({ sink: 'memcached' })
    for (; now < 70 * 60_000; now += 1000) outage.failed(fault('it is gone'))
    outage.over()
    outage.over()
    expect(messages()).toEqual([
      'it is gone',
      'it is gone, for 30 min now',
      'it is gone, for 60 min now',
      'well again after 70 min',
    ])
    expect(JSON.parse(lines[0]!)).toMatchObject({ sink: 'memcached', level: 50 })
  })

  it('of another message is told at once; of ever new ones, or of two in turns, it is not', () => {
    const outage = outages.of({ part: 'alerts' })
    for (let n = 0; n < 100; n += 1) outage.failed(fault(n % 2 === 0 ? 'refused' : 'timeout'))
    expect(messages()).toEqual(['refused', 'timeout, for 0 s now'])
    for (let n = 0; n < 100; n += 1) outage.failed(fault(`fault ${n}`))
    expect(lines).toHaveLength(5)
    now += HALF_HOUR
    outage.failed(fault('refused'))
    expect(lines).toHaveLength(6)
  })

  it('is one for each part, and those that last are known, the longest first', () => {
    outages.of({ part: 'backscan' }).failed(fault('one'))
    now += 5000
    outages.of({ source: 'main' }).failed(fault('two'))
    outages.of({ part: 'backscan' }).failed(fault('one'))
    const at = 1_795_300_000
    expect(outages.current).toMatchObject([
      { part: 'backscan', since: at, tries: 2, error: { message: 'one' } },
      { part: 'source main', since: at + 5, tries: 1 },
    ])
    outages.of({ part: 'backscan' }).over()
    outages.of({ source: 'main' }).forget()
    expect(outages.current).toEqual([])
    expect(messages()).toEqual(['one', 'two', 'well again after 5 s'])
  })
})
