/** MISP's ZMQ channel: any bytes may come, and a change is live within seconds. */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { hintOf } from '../../src/daemon/zmq.js'
import type { Running } from '../cli/cli.js'
import { Site, until } from '../cli/site.js'
import { fuzz } from '../fuzz.js'
import { hasMemcached } from '../servers/memcached.js'

const UUID = '9be99b49-0065-47e4-a76b-0c3a2ca65133'
const bytes = (text: string) => Buffer.from(text)

describe('a message', () => {
  it('names the event that was changed', () => {
    const attribute = { Attribute: { value: '198.51.100.171' }, Event: { id: '1101', uuid: UUID } }
    const text = `misp_json_attribute ${JSON.stringify({ ...attribute, action: 'add' })}`
    expect(hintOf(bytes(text))).toBe(UUID)
    expect(hintOf(bytes(`misp_json ${JSON.stringify({ Event: { uuid: UUID } })}`))).toBe(UUID)
  })

  it.each([
    'misp_json {"Event":{"uuid":"*"}}',
    'misp_json {"Event":null}',
    'misp_json null',
    'misp_json {"Ev',
    'misp_json ',
    `misp_json {"Event":{"uuid":["${UUID}"],"x":"${'x'.repeat(1_000_001)}"}}`,
  ])('tells only that something changed where no event can be read of it', (text) => {
    expect(hintOf(bytes(text))).toBeNull()
  })

  it.each(['', 'misp_json', 'misp_json_self {"status":"up"}', 'constructor {}'])(
    'of another topic tells nothing: %s',
    (text) => {
      expect(hintOf(bytes(text))).toBeUndefined()
    },
  )

  it('may be any bytes', () => {
    const topic = fc.constantFrom('', 'misp_json ', 'misp_json_attribute ')
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((text) => new Uint8Array(bytes(text))),
      fc.json().map((text) => new Uint8Array(bytes(`{"Event":{"uuid":${text}}}`))),
    )
    fc.assert(
      fc.property(topic, body, (head, tail) => {
        const hint = hintOf(Buffer.concat([bytes(head), tail]))
        if (typeof hint === 'string') expect(hint).toMatch(/^[0-9a-f-]{36}$/)
      }),
      fuzz(2000),
    )
  })
})

describe.skipIf(!hasMemcached())('a daemon that listens', () => {
  let site: Site
  let daemon: Running | undefined

  afterEach(async () => {
    daemon?.child.kill('SIGKILL')
    await site.close()
  })

  it('has a change in the sink long before its schedule', async () => {
    const { Publisher } = await import('zeromq')
    const channel = new Publisher({ linger: 0 })
    await channel.bind('tcp://127.0.0.1:*')
    site = new Site()
    const { store, url, keys } = await site.startMisp()
    const { address } = await site.startMemcached()
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${url}", key: "${keys.readonly}", every: 6h, zmq: "${channel.lastEndpoint}" }
sinks:
  memcached: { servers: ["${address}"], value: ids }
http: { listen: "127.0.0.1:0" }
`,
    )
    daemon = site.start(['run', '--json'])
    await until(async () => (await site.ask(['status'])).exit === 0)
    await channel.send('\u0000garbage')
    const row = store.addAttribute(2, { type: 'ip-src', value: '192.0.2.78' })
    const event = store.publish(2)
    const told = { Attribute: { uuid: row.uuid }, Event: { uuid: event.uuid }, action: 'add' }
    // A subscriber may come late, and nothing is repeated: MISP goes on telling of other things too.
    await until(async () => {
      await channel.send(`misp_json_attribute ${JSON.stringify(told)}`)
      return (await site.memcached.read('misp-ip:192.0.2.78')) === '2#ip-src'
    })
    channel.close()
  })
})
