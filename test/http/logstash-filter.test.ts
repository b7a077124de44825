/**
 * The example for Logstash's http filter, as that filter would carry it out: the example's own settings,
 * read here, and the request and answer as the filter makes them, on JRuby (`logstash-http.rb`). There
 * is no Logstash in Debian or npm.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiHouse, READER, TOKENS } from './house.js'

type Setting = string | number | readonly string[] | { readonly [name: string]: string }
type Settings = Readonly<Record<string, Setting>>
interface Event {
  readonly tags?: readonly string[]
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly tipline?: any
}

/** Of the one filter in a pipeline. Logstash puts the environment in. */
function settingsOf(config: string, env: Readonly<Record<string, string>>): Settings {
  const code = config
    .replace(/^\s*#.*$/gm, '')
    .replace(/\$\{(\w+)\}/g, (_, name) => env[name] ?? '')
  const inside = /http \{([\s\S]*)\}\s*\}\s*$/.exec(code)?.[1] ?? ''
  const settings = inside.matchAll(/^ {4}(\w+) => ("[^"]*"|\d+|\[[^\]]*\]|\{[\s\S]*?\}$)/gm)
  return Object.fromEntries([...settings].map(([, name, value]) => [name!, settingOf(value!)]))
}

/** As JSON, but for the arrows, and commas that a line break stands for. */
function settingOf(written: string): Setting {
  const json = written.replaceAll('" =>', '":').replace(/"\n(\s*")/g, '",\n$1')
  return JSON.parse(json) as Setting
}

function hasHttpClient(): boolean {
  const hasJar = existsSync('/usr/share/java/httpclient.jar')
  if (hasJar && spawnSync('sh', ['-c', 'command -v jruby']).status === 0) return true
  const message = 'jruby or its HttpClient is missing (apt-get install jruby libhttpclient-java)'
  if (process.env.CI === 'true') throw new Error(message)
  console.warn(`skipped: ${message}`)
  return false
}

interface Run {
  readonly settings: Settings
  readonly events: readonly object[]
}

/** One JVM for all. */
async function filtered(runs: readonly Run[]): Promise<Event[][]> {
  const child = spawn('jruby', ['test/http/logstash-http.rb'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(runs))
  const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
  const events = out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Event)
  return runs.map(({ events: { length } }) => events.splice(0, length))
}

const HOSTILE = [
  'a b.example',
  '100%25&x=1#y',
  '%zz',
  '?value=198.51.100.7',
  'bücher.example',
  '\u{1f600}.example\u2028',
  'line\nbreak.example\r\nX-Header: 1',
  '"},{"a":"b\\',
  '%{[destination][ip]}',
  '$' + '{TIPLINE_TOKEN}',
  '../../v1/sync',
  'x'.repeat(8000),
]

describe.skipIf(!hasHttpClient())("Logstash's http filter", () => {
  let house: ApiHouse
  let runs: Record<'plain' | 'hostile' | 'query' | 'inUrl' | 'refused' | 'down', Event[]>
  let example: Settings

  const asked = (name: string) => ({
    destination: { ip: '198.51.100.7' },
    dns: { question: { name } },
  })

  beforeAll(async () => {
    const given = [
      { type: 'ip-dst', value: '198.51.100.7' },
      { type: 'domain', value: 'evil.example' },
    ]
    house = await ApiHouse.open(given, { tokens: TOKENS })
    const config = readFileSync('examples/api/logstash-http.conf', 'utf8')
    const at = (url: string, token = READER.token) => {
      const env = { TIPLINE_TOKEN: token }
      return settingsOf(config.replace('http://127.0.0.1:8787', url), env)
    }
    example = at(house.url)
    const { body, ...rest } = example
    const get = { ...rest, verb: 'GET', body_format: 'text' }
    const name = '%{[dns][question][name]}'
    const query = { ...get, url: `${house.url}/v1/lookup`, query: { value: name } }
    const inUrl = { ...get, url: `${house.url}/v1/lookup?value=${name}` }
    const events = HOSTILE.map(asked)
    const all = [
      {
        settings: example,
        events: [
          asked('www.evil.example'),
          { message: 'no fields' },
          {
            ...asked('x'),
            tags: ['a'],
            dns: { question: { name: ['evil.example', 'b.example'] } },
          },
        ],
      },
      { settings: example, events },
      { settings: query, events },
      { settings: inUrl, events },
      { settings: at(house.url, 'tip_wrong'), events: [asked('x')] },
      { settings: at('http://127.0.0.1:1'), events: [asked('x')] },
    ]
    const [plain, hostile, byQuery, byUrl, refused, down] = await filtered(all)
    runs = {
      plain: plain!,
      hostile: hostile!,
      query: byQuery!,
      inUrl: byUrl!,
      refused: refused!,
      down: down!,
    }
  }, 180_000)
  afterAll(() => house.close())

  const fieldsOf = ({ tipline }: Event): string[] =>
    (tipline.threat?.enrichments ?? []).map(
      ({ matched }: { matched: { field: string } }) => matched.field,
    )

  it('is given all its settings by the example', () => {
    expect(example).toMatchObject({
      ...{ verb: 'POST', body_format: 'json', target_body: '[tipline]', socket_timeout: 2 },
      headers: { Authorization: `Bearer ${READER.token}` },
      body: { 'destination.ip': '%{[destination][ip]}' },
      tag_on_request_failure: ['_tipline_failure'],
    })
  })

  it('puts what each field meets under the target, and nothing where there is none', () => {
    const [hit, none, list] = runs.plain
    expect(fieldsOf(hit!)).toEqual(['destination.ip', 'dns.question.name'])
    expect(hit!.tags).toBeUndefined()
    expect(fieldsOf(none!)).toEqual([])
    // Several values become one text.
    expect(fieldsOf(list!)).toEqual(['destination.ip'])
  })

  it('brings hostile fields over as they are', () => {
    expect(runs.hostile.map(({ tipline }) => tipline['dns.question.name'])).toEqual(HOSTILE)
    for (const event of runs.hostile) expect(fieldsOf(event)).toEqual(['destination.ip'])
  })

  it('does so in a query, too', () => {
    expect(runs.query.map(({ tipline }) => tipline.value)).toEqual(HOSTILE)
  })

  it('does not in a URL, which is why the example has none there', () => {
    const same = runs.inUrl.filter(({ tipline }, n) => tipline?.value === HOSTILE[n])
    expect(same.length).toBeLessThan(HOSTILE.length)
    // Some are asked for as something else, without a word.
    expect(runs.inUrl.some(({ tags, tipline }, n) => !tags && tipline.value !== HOSTILE[n])).toBe(
      true,
    )
  })

  it('tags what could not be asked', () => {
    for (const [event] of [runs.refused, runs.down]) {
      expect(event).toMatchObject({ tags: ['_tipline_failure'] })
      expect(event!.tipline).toBeUndefined()
    }
  })
})
