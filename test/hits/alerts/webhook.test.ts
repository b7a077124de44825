/** Webhooks, against HTTP servers: what goes over the wire, and what each answer means. */
import { createHmac } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { AlertRefused, ChannelUnavailable } from '../../../src/errors.js'
import { createAuthority } from '../../misp-client/certs.js'
import { bodyOf, type Running, serve, serveTls, startProxy } from '../../misp-client/servers.js'
import { alertOf, channelOf, eventOf, ID, NEVER, NOW, shown, sightOf } from './facts.js'

const running: Running[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

interface Got {
  readonly request: IncomingMessage
  readonly body: string
}

/** Answers 200 to all, and keeps what it got. */
async function receiver(answer?: RequestListener): Promise<{ url: string; got: Got[] }> {
  const got: Got[] = []
  const server = await serve((request, response) => {
    void bodyOf(request).then((body) => {
      got.push({ request, body })
      if (answer) answer(request, response)
      else response.end('thanks')
    })
  })
  running.push(server)
  return { url: `http://127.0.0.1:${server.port}/hook`, got }
}

describe('a webhook', () => {
  it('posts the alert as JSON, under an id that stays', async () => {
    const { url, got } = await receiver()
    const channel = channelOf({
      type: 'webhook',
      url,
      token: 't0ken',
      headers: { 'X-Team': 'soc', 'Content-Type': 'application/json; charset=utf-8' },
    })
    expect(await channel.send(shown(alertOf()), NEVER)).toBe('HTTP 200: thanks')
    await channel.send(shown(alertOf()), NEVER)
    expect(got.map(({ request }) => request.headers['idempotency-key'])).toEqual([ID, ID])
    expect(got[0]?.request).toMatchObject({
      method: 'POST',
      url: '/hook',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        authorization: 'Bearer t0ken',
        'x-team': 'soc',
        'webhook-id': ID,
      },
    })
    expect(JSON.parse(got[0]?.body ?? '')).toMatchInlineSnapshot(`
      {
        "at": "2026-11-22T04:00:00.000Z",
        "channel": "soc",
        "id": "6f1c0e4e-62a2-4a57-9b0c-0d4b6b1f0a01",
        "kind": "hit",
        "more": 0,
        "sights": [
          {
            "backscan": false,
            "count": 1,
            "disclosed": true,
            "events": [
              {
                "attribute": {
                  "type": "domain",
                  "uuid": "5f6c1b7a-0000-4000-8000-00000000000a",
                },
                "disclosed": true,
                "id": "1234",
                "info": "Phishing for webmail passwords",
                "link": "https://misp.example.org/events/view/1234",
                "source": "main",
                "tlp": "green",
                "uuid": "5f6c1b7a-0000-4000-8000-000000000001",
              },
            ],
            "field": "dns.rrname",
            "first": "2026-11-22T03:59:00.000Z",
            "hit": "log-00000000000000aa",
            "indicator": {
              "kind": "domain",
              "value": "webmail-update.example",
            },
            "inside": "192.0.2.40",
            "label": "resolver-1",
            "last": "2026-11-22T03:59:30.000Z",
            "network": "campus",
            "observable": "static.login.webmail-update.example",
          },
        ],
        "text": "domain webmail-update[.]example
      met by 192.0.2.40 (network campus)
      seen as static[.]login[.]webmail-update[.]example in dns.rrname of resolver-1, 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z
      events: Phishing for webmail passwords (5f6c1b7a-0000-4000-8000-000000000001)
      TLP GREEN, from main
      https://misp.example.org/events/view/1234",
        "title": "[tipline] domain webmail-update[.]example met by 192.0.2.40",
        "version": 1,
      }
    `)
  })

  it('is signed as Standard Webhooks has it', async () => {
    const { url, got } = await receiver()
    const key = Buffer.from('a secret of twenty-four b')
    for (const secret of [`whsec_${key.toString('base64')}`, key.toString()]) {
      await channelOf({ type: 'webhook', url, secret }).send(shown(alertOf()), NEVER)
      const { request, body } = got.at(-1)!
      const at = String(request.headers['webhook-timestamp'])
      expect(at).toBe(String(NOW / 1000))
      const expected = createHmac('sha256', key).update(`${ID}.${at}.${body}`).digest('base64')
      expect(request.headers['webhook-signature']).toBe(`v1,${expected}`)
    }
  })

  const LATER = [301, 302, 307, 401, 403, 404, 407, 408, 410, 425, 429, 500, 502, 503]
  it.each(LATER)('answered %i is tried again later', async (status) => {
    const { url } = await receiver((_, response) => response.writeHead(status).end('no'))
    const sent = channelOf({ type: 'webhook', url }).send(shown(alertOf()), NEVER)
    await expect(sent).rejects.toBeInstanceOf(ChannelUnavailable)
  })

  it.each([400, 406, 409, 413, 415, 422, 451])(
    'answered %i is refused for good',
    async (status) => {
      const { url } = await receiver((_, response) => response.writeHead(status).end('no'))
      const sent = channelOf({ type: 'webhook', url }).send(shown(alertOf()), NEVER)
      await expect(sent).rejects.toBeInstanceOf(AlertRefused)
    },
  )

  it('follows no redirect', async () => {
    const other = await receiver()
    const { url } = await receiver((_, response) =>
      response.writeHead(307, { location: other.url }).end(),
    )
    const sent = channelOf({ type: 'webhook', url }).send(shown(alertOf()), NEVER)
    await expect(sent).rejects.toThrow('HTTP 307')
    expect(other.got).toEqual([])
  })

  it('waits as long as it is asked to', async () => {
    const { url } = await receiver((_, response) =>
      response.writeHead(429, { 'retry-after': '90' }).end(),
    )
    const sent = channelOf({ type: 'webhook', url }).send(shown(alertOf()), NEVER)
    await expect(sent).rejects.toMatchObject({ afterMs: 90_000 })
  })

  it('gives up on who does not answer, and on who hangs up', async () => {
    const silent = await receiver(() => undefined)
    const slow = channelOf({ type: 'webhook', url: silent.url, timeout: '1s' })
    await expect(slow.send(shown(alertOf()), NEVER)).rejects.toThrow('does not answer in time')
    const rude = await receiver((request) => request.socket.destroy())
    const cut = channelOf({ type: 'webhook', url: rude.url }).send(shown(alertOf()), NEVER)
    await expect(cut).rejects.toBeInstanceOf(ChannelUnavailable)
    const gone = channelOf({ type: 'webhook', url: 'http://127.0.0.1:1/' })
    await expect(gone.send(shown(alertOf()), NEVER)).rejects.toThrow("can't be reached")
  })

  it('says nothing of its secrets, whatever the answer says', async () => {
    const secrets = [
      't0ken-of-the-soc',
      'secret-of-the-soc',
      'header-of-the-soc',
      'hook-of-the-soc',
    ]
    const [token, secret, header, hook] = secrets
    for (const status of [200, 400, 403, 500]) {
      const { url } = await receiver((request, response) => {
        response
          .writeHead(status)
          .end(`${JSON.stringify(request.headers)} http://127.0.0.1${request.url}`)
      })
      const channel = channelOf({
        type: 'webhook',
        url: `${url}/${hook}`,
        token,
        secret,
        headers: { 'X-Key': header },
      })
      const said = await channel.send(shown(alertOf()), NEVER).catch((error: unknown) => error)
      for (const each of [token, secret, header]) expect(inspect(said)).not.toContain(each)
    }
  })

  it('trusts a private authority, and nobody without it', async () => {
    const authority = createAuthority()
    const server = await serveTls(authority.issue({ names: ['127.0.0.1'] }), (_, r) => r.end('ok'))
    running.push(server)
    const url = `https://127.0.0.1:${server.port}/`
    const ca_file = join(mkdtempSync(join(tmpdir(), 'tipline-alerts-')), 'ca.pem')
    writeFileSync(ca_file, authority.cert)
    const trusting = channelOf({ type: 'webhook', url, ca_file })
    expect(await trusting.send(shown(alertOf()), NEVER)).toBe('HTTP 200: ok')
    const wary = channelOf({ type: 'webhook', url })
    await expect(wary.send(shown(alertOf()), NEVER)).rejects.toThrow('certificate')
    await expect(wary.send(shown(alertOf()), NEVER)).rejects.toMatchObject({
      hint: 'name the authority that signed it in ca_file',
    })
    const other = `${ca_file}.other`
    writeFileSync(other, createAuthority('Another').cert)
    const mistaken = channelOf({ type: 'webhook', url, ca_file: other })
    await expect(mistaken.send(shown(alertOf()), NEVER)).rejects.toMatchObject({
      hint: `no authority in ${other}, which ca_file names, signed it: name the one that did`,
    })
    const lost = channelOf({ type: 'webhook', url, ca_file: `${ca_file}.old` })
    await expect(lost.send(shown(alertOf()), NEVER)).rejects.toThrow('ENOENT')
    const empty = channelOf({ type: 'webhook', url, ca_file: '/dev/null' })
    await expect(empty.send(shown(alertOf()), NEVER)).rejects.toBeInstanceOf(ChannelUnavailable)
  })

  it('goes by the proxy of the environment, or not', async () => {
    const proxy = await startProxy()
    running.push(proxy)
    const env = { http_proxy: `http://127.0.0.1:${proxy.port}` }
    const url = 'http://hooks.example.org/x'
    await channelOf({ type: 'webhook', url }, { env }).send(shown(alertOf()), NEVER)
    expect(proxy.asked).toEqual([`POST ${url}`])
    const { url: near, got } = await receiver()
    await channelOf({ type: 'webhook', url: near, proxy: '' }, { env }).send(
      shown(alertOf()),
      NEVER,
    )
    expect(got).toHaveLength(1)
  })

  it('ends at once when aborted', async () => {
    const { url } = await receiver(() => undefined)
    const stop = new AbortController()
    const sent = channelOf({ type: 'webhook', url }).send(shown(alertOf()), stop.signal)
    const reason = new Error('stopped')
    stop.abort(reason)
    await expect(sent).rejects.toBe(reason)
  })
})

describe('chat', () => {
  const hostile = alertOf({
    sights: [
      sightOf({
        indicator: { kind: 'url', value: 'https://evil.example/<!channel>?a=*b*&c=`d`' },
        inside: '@here',
        events: [eventOf({ info: '```\n<@U1> @channel [x](https://evil.example) *b* ~~~' })],
      }),
    ],
  })

  it('of Slack is plain text, with everything foreign disarmed', async () => {
    const { url, got } = await receiver()
    await channelOf({ type: 'slack', url }).send(shown(hostile), NEVER)
    const { text, ...flags } = JSON.parse(got[0]?.body ?? '')
    expect(flags).toEqual({
      mrkdwn: false,
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
    })
    expect(text).toMatchInlineSnapshot(`
      "url https[:]//evil[.]example/&lt;!channel&gt;?a=*b*&amp;c=\`d\`
      met by [@]here (network campus)
      seen as static[.]login[.]webmail-update[.]example in dns.rrname of resolver-1, 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z
      events: \`\`\` &lt;[@]U1&gt; [@]channel [x](https[:]//evil[.]example) *b* ~~~ (5f6c1b7a-0000-4000-8000-000000000001)
      TLP GREEN, from main
      https://misp.example.org/events/view/1234"
    `)
  })

  it('of Mattermost is one block of code, and its own links', async () => {
    const { url, got } = await receiver()
    await channelOf({ type: 'mattermost', url }).send(shown(hostile), NEVER)
    expect(JSON.parse(got[0]?.body ?? '').text).toMatchInlineSnapshot(`
      "\`\`\`text
      url https[:]//evil[.]example/‹!channel›?a=*b*&c='d'
      met by [@]here (network campus)
      seen as static[.]login[.]webmail-update[.]example in dns.rrname of resolver-1, 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z
      events: ''' ‹[@]U1› [@]channel [x](https[:]//evil[.]example) *b* --- (5f6c1b7a-0000-4000-8000-000000000001)
      TLP GREEN, from main
      \`\`\`
      https://misp.example.org/events/view/1234"
    `)
  })

  it('tells a digest line by line', async () => {
    const { url, got } = await receiver()
    const sights = [
      sightOf({ count: 12 }),
      sightOf({ events: [eventOf({ tlp: 'red' })], backscan: true }),
    ]
    await channelOf({ type: 'slack', url }).send(
      shown(alertOf({ kind: 'digest', sights, more: 3 })),
      NEVER,
    )
    expect(JSON.parse(got[0]?.body ?? '').text).toMatchInlineSnapshot(`
      "Met again, or not told of before (indicators: 5, hits: 13+):
      12 x domain webmail-update[.]example, 192.0.2.40 (network campus), 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z
      1 x a hit that may not be told here (TLP), network campus, 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z; event 5f6c1b7a-0000-4000-8000-000000000001 (found in the past)
      and 3 more: see tipline hits"
    `)
  })
})
