/** Log lines over the API. */
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../cli/site.js'
import { ApiHouse, OPERATOR, READER, TOKENS } from './house.js'

let house: ApiHouse

beforeAll(async () => {
  house = await ApiHouse.open(
    [
      { type: 'ip-dst', value: '198.51.100.7' },
      { type: 'domain', value: 'evil.example' },
    ],
    { tokens: TOKENS, limits: { streams: 2 } },
  )
})
afterAll(() => house.close())

const MISS = '{"destination":{"ip":"192.0.2.1"},  "message":"left as it is"}'
const HIT = '{"destination":{"ip":"198.51.100.7"}}'

const enrich = (body: string, query = '', type = 'application/x-ndjson') =>
  house.ask(`/v1/enrich${query}`, {
    token: READER.token,
    body,
    headers: { 'content-type': type },
  })

/** Sends and reads by hand. */
function open(query = ''): ClientRequest {
  const { port } = house
  const headers = {
    'content-type': 'application/x-ndjson',
    authorization: `Bearer ${READER.token}`,
  }
  const path = `/v1/enrich${query}`
  return request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false })
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

describe('POST /v1/enrich', () => {
  it('gives back what hits nothing byte for byte, and adds to what hits', async () => {
    const { status, headers, text } = await enrich(`${MISS}\n${HIT}\nno json\n${MISS}`)
    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson'])
    const lines = text.split('\n')
    expect([lines[0], lines[2], lines[3], lines.length]).toEqual([MISS, 'no json', MISS, 4])
    expect(JSON.parse(lines[1]!)).toMatchObject({
      threat: {
        enrichments: [
          {
            indicator: {
              ip: '198.51.100.7',
              reference: expect.stringContaining('misp.example.org'),
            },
            matched: { field: 'destination.ip', atomic: '198.51.100.7' },
          },
        ],
      },
    })
  })

  it('takes one JSON document, as the http filter of Logstash sends it', async () => {
    const { headers, json } = await enrich(HIT, '?legacy=true', 'application/json')
    expect(headers['content-type']).toBe('application/json')
    expect(json).toMatchObject({ threat: { enrichments: [{}] }, misp: { type: ['ip-dst'] } })
  })

  it('answers only hits where asked, and knows the presets', async () => {
    const { text } = await enrich(`${MISS}\n${HIT}\n`, '?only_hits=true')
    expect(text.split('\n')).toHaveLength(2)
    const zeek = await enrich('{"id.resp_h":"198.51.100.7"}\n', '?preset=zeek&only_hits=true')
    expect(JSON.parse(zeek.text).threat.enrichments[0].matched.field).toBe('id.resp_h')
    expect((await enrich('', '?preset=nobody')).json.errors[0].where).toBe('preset')
  })

  it('answers while it is still being asked', async () => {
    const asked = open()
    asked.write(`${HIT}\n`)
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    const [first] = (await once(answer, 'data')) as [Buffer]
    expect(first.toString()).toContain('threat')
    asked.write(`${MISS}\n`)
    const [second] = (await once(answer, 'data')) as [Buffer]
    expect(second.toString()).toBe(`${MISS}\n`)
    asked.end()
    await once(answer, 'end')
  })

  it('reads no more than is taken from it', async () => {
    const asked = open()
    const block = Buffer.from(`${MISS}\n`.repeat(20_000))
    const [answer] = (await Promise.all([once(asked, 'response'), asked.write(block)])) as [
      [IncomingMessage],
      boolean,
    ]
    answer[0].pause()
    let sent = block.length
    // Until nothing more is taken: whatever buffers there are, they end.
    while (sent < 256 * 1024 * 1024) {
      sent += block.length
      if (asked.write(block)) continue
      const drained = once(asked, 'drain').then(() => true)
      const late = new Promise<boolean>((resolve) => setTimeout(resolve, 1500, false))
      if (!(await Promise.race([drained, late]))) break
    }
    expect(sent).toBeLessThan(128 * 1024 * 1024)
    asked.end()
    expect((await textOf(answer[0])).length).toBe(sent)
  })

  it('has room for so many at a time, and room again when they end', async () => {
    const [one, two] = [open(), open()]
    for (const each of [one, two]) each.write(`${MISS}\n`)
    const answers = await Promise.all([one, two].map((each) => once(each, 'response')))
    const third = await enrich(HIT)
    expect([third.status, third.headers['retry-after']]).toEqual([429, '1'])
    one.destroy()
    two.end()
    await textOf(answers[1]![0] as IncomingMessage)
    await until(async () => (await enrich(HIT)).status === 200)
  })

  it('refuses what it could not read', async () => {
    expect((await enrich(HIT, '', 'text/plain')).status).toBe(415)
    const packed = await house.ask('/v1/enrich', {
      token: READER.token,
      body: 'x',
      headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    })
    expect(packed.status).toBe(415)
  })

  it('keeps hits under a label, for whoever may operate', async () => {
    const path = '/v1/enrich?record=proxy-1'
    const headers = { 'content-type': 'application/x-ndjson' }
    const line = '{"@timestamp":"2026-05-03T14:07:00Z","destination":{"ip":"198.51.100.7"}}'
    const asking = { body: `${line}\n${MISS}\n`, headers }
    expect((await house.ask(path, { ...asking, token: READER.token })).status).toBe(403)
    expect((await house.ask(path, { ...asking, token: OPERATOR.token })).status).toBe(200)
    const page = () => house.ask('/v1/hits?since=2026-01-01&label=proxy-1', { token: READER.token })
    await until(async () => (await page()).json.hits.length > 0)
    const { hits } = (await page()).json
    expect(hits).toMatchObject([
      { kind: 'log', way: 'api', label: 'proxy-1', first: '2026-05-03T14:07:00.000Z' },
    ])
    const one = await house.ask(`/v1/hits/${hits[0].id}`, { token: READER.token })
    expect(one.json).toEqual(hits[0])
    const mark = (token: string, why: string) =>
      house.ask(`/v1/hits/${hits[0].id}/false-positive`, { token, body: { why } })
    expect((await mark(READER.token, '')).status).toBe(403)
    const marked = (await mark(OPERATOR.token, 'our scanner')).json
    expect(marked.false_positive).toMatchObject({ by: 'operator', why: 'our scanner' })
    expect((await mark(OPERATOR.token, 'again')).json).toEqual(marked)
    const unmarked = await house.ask(`/v1/hits/${hits[0].id}/false-positive`, {
      method: 'DELETE',
      token: OPERATOR.token,
    })
    expect(unmarked.json).toEqual(hits[0])
    const since =
      '/v1/hits/over-time?since=2026-05-03T14:00:00Z&until=2026-05-03T15:00:00Z&buckets=4'
    const { buckets } = (await house.ask(since, { token: READER.token })).json
    expect(buckets.map((bucket: { log: number }) => bucket.log)).toEqual([1, 0, 0, 0])
  })

  it('follows the ledger', async () => {
    const line = '{"destination":{"ip":"203.0.113.50"}}\n'
    expect((await enrich(line)).text).toBe(line)
    house.ledger.pull('Later', [{ type: 'ip-dst', value: '203.0.113.50' }], 3000)
    await until(async () => (await enrich(line)).text.includes('threat'))
  })

  it('counts', () => {
    const read = (result: string) => house.metrics.read('tipline_enrich_lines_total', { result })
    expect([read('hit') > 0, read('miss') > 0, read('odd')]).toEqual([true, true, 1])
  })
})
