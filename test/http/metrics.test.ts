/** What Prometheus reads. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { METRICS } from '../../src/metrics.js'
import { ApiHouse, READER, TOKENS } from './house.js'

let house: ApiHouse

beforeAll(async () => {
  const given = [
    { type: 'ip-dst', value: '198.51.100.7' },
    { type: 'domain', value: 'held.example', held: 'tlp' },
    { type: 'ip-dst', value: '999.1.1.1' },
  ]
  house = await ApiHouse.open(given, { tokens: TOKENS })
})
afterAll(() => house.close())

const metrics = async () => (await house.ask('/metrics', { token: READER.token })).text

/** `name{labels}` to value. */
async function samples(): Promise<Map<string, number>> {
  const lines = (await metrics()).split('\n').filter((line) => line !== '' && line[0] !== '#')
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

describe('GET /metrics', () => {
  it('needs a token', async () => {
    expect((await house.ask('/metrics')).status).toBe(401)
  })

  it('names every metric that there is, and those of the process', async () => {
    const text = await metrics()
    for (const [name, { type }] of Object.entries(METRICS)) {
      expect(text).toContain(`# TYPE ${name} ${type}\n`)
    }
    expect(text).toContain('process_resident_memory_bytes ')
  })

  it('is text that follows the format, each sample once', async () => {
    const lines = (await metrics()).split('\n').filter((line) => line !== '')
    for (const line of lines) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) [a-z_:][a-z0-9_:]* .+|[a-z_:][a-z0-9_:]*(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? (-?[0-9.e+-]+|Nan|\+Inf))$/i,
      )
    }
    const names = lines
      .filter((line) => line[0] !== '#')
      .map((line) => line.split(/ (?=[^ ]*$)/)[0])
    expect(new Set(names).size).toBe(names.length)
  })

  it('tells the state', async () => {
    const found = await samples()
    expect(found.get('tipline_live_keys{space="ip"}')).toBe(1)
    expect(found.get('tipline_held{rule="tlp"}')).toBe(1)
    expect(found.get('tipline_set_aside{source="main"}')).toBe(1)
    expect(found.get('tipline_source_attributes{source="main"}')).toBe(2)
    expect(found.get('tipline_source_frozen{source="main"}')).toBe(0)
    expect(found.get('tipline_sink_lag_changes{sink="memcached"}')).toBeGreaterThan(0)
    expect(found.get('tipline_problems')).toBe(2)
  })

  it('counts answers by route and status, whatever path was asked', async () => {
    for (const path of ['/v1/lookup?value=a', '/v1/lookup', '/v1/hits/flow-0123456789abcdef']) {
      await house.ask(path, { token: READER.token })
    }
    for (let n = 0; n < 5; n += 1) await house.ask(`/nothing/${n}`, { method: `X${n}` })
    const found = await samples()
    const count = (labels: string) =>
      found.get(`tipline_http_request_duration_seconds_count{${labels}}`)
    expect(count('method="GET",route="/v1/lookup",status="200"')).toBe(1)
    expect(count('method="GET",route="/v1/lookup",status="400"')).toBe(1)
    expect(count('method="GET",route="/v1/hits/:id",status="404"')).toBe(1)
    expect([...found.keys()].filter((key) => key.includes('nothing'))).toEqual([])
    const buckets = [...found].filter(([key]) =>
      key.startsWith(
        'tipline_http_request_duration_seconds_bucket{method="GET",route="/v1/lookup",status="200"',
      ),
    )
    const counts = buckets.map(([, value]) => value)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(counts.at(-1)).toBe(1)
  })

  it('counts what is refused at the door too, so that a script that is turned away is seen', async () => {
    const refused = (found: Map<string, number>, route: string) => {
      const labels = `method="GET",route="${route}",status="401"`
      return found.get(`tipline_http_request_duration_seconds_count{${labels}}`) ?? 0
    }
    const before = await samples()
    for (const path of ['/v1/lookup?value=a', '/v1/status', '/v1/status']) {
      expect((await house.ask(path)).status).toBe(401)
    }
    const after = await samples()
    const more = ['/v1/lookup', '/*'].map((route) => refused(after, route) - refused(before, route))
    expect(more).toEqual([1, 2])
  })

  it('forgets what is gone', async () => {
    expect((await samples()).get('tipline_held{rule="tlp"}')).toBe(1)
    house.ledger.pull('Phishing kit', [{ type: 'ip-dst', value: '198.51.100.7' }], 4000)
    expect((await samples()).get('tipline_held{rule="tlp"}')).toBeUndefined()
  })

  it('lets no name of a source out of its quotes', async () => {
    house.metrics.count('tipline_pull_attributes_total', { source: 'a"} 1\nevil_total{x="' })
    const text = await metrics()
    expect(text).toContain('tipline_pull_attributes_total{source="a\\"} 1\\nevil_total{x=\\""} 1')
    expect(text).not.toMatch(/^evil_total/m)
  })
})
