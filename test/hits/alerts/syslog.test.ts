/** Syslog, to a real syslog-ng. */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChannelUnavailable } from '../../../src/errors.js'
import { createAuthority } from '../../misp-client/certs.js'
import { hasSyslogNg, SyslogNg } from '../../servers/syslog-ng.js'
import { alertOf, channelOf, eventOf, ID, NEVER, shown, sightOf } from './facts.js'

describe.skipIf(!hasSyslogNg())('syslog', () => {
  const authority = createAuthority()
  let server: SyslogNg
  let ca_file: string
  beforeAll(async () => {
    server = await SyslogNg.start(authority.issue({ names: ['localhost', '127.0.0.1'] }))
    ca_file = join(server.folder, 'ca.pem')
    writeFileSync(ca_file, authority.cert)
  })
  afterAll(() => server.close())

  const digest = alertOf({
    kind: 'digest',
    sights: [sightOf({ count: 5 }), sightOf({ inside: '192.0.2.41' })],
  })

  it.each(['udp', 'tcp', 'tls', 'unix'] as const)('goes over %s', async (transport) => {
    const before = server.lines().length
    const address =
      transport === 'unix'
        ? `unix:${server.socket}`
        : `${transport}://localhost:${server.ports[transport]}`
    const given = { type: 'syslog', address, ...(transport === 'tls' && { ca_file }) }
    const answer = await channelOf(given).send(shown(digest), NEVER)
    expect(answer).toContain('2 sent')
    const messages = (await server.received(before + 2)).slice(before)
    expect(messages[0]).toMatchObject({
      HOST: 'soc1.example.org',
      PROGRAM: 'tipline',
      PID: String(process.pid),
      MSGID: 'digest',
      PRIORITY: 'notice',
      FACILITY: 'local0',
    })
    const documents = messages.map(({ MESSAGE }) => JSON.parse(MESSAGE))
    expect(documents.map(({ event }) => event.id)).toEqual([ID, `${ID}.1`])
    expect(documents[1].related.ip).toEqual(['192.0.2.41'])
  })

  it('trusts nobody without the authority', async () => {
    const address = `tls://localhost:${server.ports.tls}`
    const sent = channelOf({ type: 'syslog', address }).send(shown(alertOf()), NEVER)
    await expect(sent).rejects.toThrow('certificate')
    const other = join(server.folder, 'other.pem')
    writeFileSync(other, createAuthority('Another').cert)
    const mistaken = channelOf({ type: 'syslog', address, ca_file: other })
    await expect(mistaken.send(shown(alertOf()), NEVER)).rejects.toMatchObject({
      hint: expect.stringContaining(`no authority in ${other}`),
    })
  })

  it('fits into what receivers take, however much there is to tell', async () => {
    const before = server.lines().length
    const long = '\u{1f480}'.repeat(5000)
    const event = eventOf({ info: long, source: long.slice(0, 60) })
    const events = Array.from({ length: 40 }, () => event)
    const sight = sightOf({
      indicator: { kind: 'url', value: long },
      observable: long,
      inside: long,
      events,
    })
    const address = `udp://127.0.0.1:${server.ports.udp}`
    await channelOf({ type: 'syslog', address }).send(shown(alertOf({ sights: [sight] })), NEVER)
    const [message] = (await server.received(before + 1)).slice(before)
    expect(message?.MESSAGE.length).toBeLessThan(8000)
    const document = JSON.parse(message?.MESSAGE ?? '')
    const { more_events: more } = document.tipline.alert
    expect(more + document.threat.enrichments.length).toBe(40)
  })

  it('notices that nobody listens, or that a receiver does not read to the end', async () => {
    await server.stop()
    for (const [transport, port] of Object.entries(server.ports)) {
      const address = `${transport}://127.0.0.1:${port}`
      const sent = channelOf({ type: 'syslog', address, ca_file }).send(shown(alertOf()), NEVER)
      await expect(sent).rejects.toBeInstanceOf(ChannelUnavailable)
    }
    // As while the receiver is restarted: waited for, not parked.
    const away = channelOf({ type: 'syslog', address: `unix:${server.folder}/away` })
    const sent = away.send(shown(alertOf()), NEVER)
    await expect(sent).rejects.toBeInstanceOf(ChannelUnavailable)
    await expect(sent).rejects.toThrow("can't be reached (ENOENT)")
    const frozen = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(frozen, 'listening')
    const { port } = frozen.address() as { port: number }
    const given = { type: 'syslog', address: `tcp://127.0.0.1:${port}`, timeout: '1s' }
    await expect(channelOf(given).send(shown(alertOf()), NEVER)).rejects.toThrow('in time')
    frozen.close()
  })
})
