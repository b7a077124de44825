/** The ruby filter script of the guide, as it stands there, under real Ruby with the redis gem. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasProgram } from '../../servers/program.js'
import { hasRedis, Redis } from '../../servers/redis.js'
import { carrier } from '../states.js'
import { make, NEVER } from './make.js'

const run = promisify(execFile)
const GUIDE = fileURLToPath(new URL('../../../docs/guides/redis.md', import.meta.url))
const hasGem = hasProgram('ruby', ['-e', 'require "redis"'], 'apt-get install ruby-redis')

/** Of Logstash's Event only what the script calls. */
const EVENT = `
class Event
  attr_reader :tags, :data
  def initialize(data) = (@data, @tags = data, [])
  def get(field) = @data[field]
  def set(field, value) = @data[field] = value
  def tag(name) = @tags << name
end
load ARGV[0]
register(JSON.parse(ARGV[1]))
event = Event.new(JSON.parse(ARGV[2]))
raise "an event got lost" unless filter(event) == [event]
puts JSON.generate({ "hits" => event.data["[misp][hits]"], "tags" => event.tags })
`

describe.skipIf(!hasRedis() || !hasGem)('the script of the guide', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-ruby-'))
  let server: Redis

  beforeAll(async () => {
    const script = /```ruby\n(.*?)```/s.exec(readFileSync(GUIDE, 'utf8'))?.[1]
    writeFileSync(join(folder, 'filter.rb'), script!)
    writeFileSync(join(folder, 'event.rb'), `require "json"\n${EVENT}`)
    server = await Redis.start()
    const sink = make(server.url)
    await sink.open(NEVER)
    const states = [
      { space: 'ip', value: '198.51.100.7', carriers: [carrier({ eventInfo: '%{[a]} "\r\n' })] },
      { space: 'domain', value: 'evil.example', carriers: [carrier({ eventId: '2' })] },
    ]
    await sink.apply(states, NEVER)
    await sink.close()
  })
  afterAll(async () => {
    await server?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function filter(event: object) {
    const fields = {
      '[source][ip]': 'misp-ip',
      '[destination][ip]': 'misp-ip',
      '[dns][resolved_ip]': 'misp-ip',
      '[dns][question][name]': 'misp-domain',
    }
    const params = JSON.stringify({ url: server.url, fields })
    const files = [join(folder, 'event.rb'), join(folder, 'filter.rb')]
    const { stdout } = await run('ruby', [...files, params, JSON.stringify(event)])
    return JSON.parse(stdout)
  }

  it('finds what stands there: several values, the same value twice, any case', async () => {
    const { hits, tags } = await filter({
      '[source][ip]': '198.51.100.7',
      '[destination][ip]': '198.51.100.7',
      '[dns][resolved_ip]': ['198.51.100.9', '198.51.100.7'],
      '[dns][question][name]': 'Evil.Example',
    })
    expect(tags).toEqual([])
    expect(hits.map((hit: { field: string }) => hit.field)).toEqual([
      '[source][ip]',
      '[destination][ip]',
      '[dns][resolved_ip]',
      '[dns][question][name]',
    ])
    expect(hits[0].indicators[0].info).toBe('%{[a]} "\r\n')
    expect(hits[3].indicators[0].event).toBe('2')
  })

  it('adds nothing where there is nothing, and tags the event when Redis is gone', async () => {
    expect(await filter({ '[source][ip]': '198.51.100.8' })).toEqual({ hits: null, tags: [] })
    expect(await filter({})).toEqual({ hits: null, tags: [] })
    await server.stop()
    expect(await filter({ '[source][ip]': '198.51.100.7' })).toEqual({
      hits: null,
      tags: ['_misp_redis_failure'],
    })
  })
})
