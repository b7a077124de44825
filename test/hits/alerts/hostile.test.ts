/**
 * Hostile values through every channel, over the real wire: nothing above `disclose` leaves, and nothing
 * foreign becomes a line, header, frame, mention or link of its own.
 */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sight, SightEvent } from '../../../src/hits/alerts/alert.js'
import type { Channel } from '../../../src/hits/alerts/channels/channel.js'
import { TLP_LEVELS } from '../../../src/policy/tlp.js'
import { fuzz } from '../../fuzz.js'
import { bodyOf, serve } from '../../misp-client/servers.js'
import { hasSmtp, SmtpServer } from '../../servers/smtp.js'
import { alertOf, channelOf, eventOf, ID, NEVER, shown } from './facts.js'

/** What a channel was seen to send, decoded to the text that its receiver reads. */
interface Tap {
  readonly channel: Channel
  /** Of one message, then forgotten. */
  take(): Promise<{ readonly wire: string; readonly text: string }>
}

const closers: (() => unknown)[] = []
const taps = new Map<string, Tap>()

beforeAll(async () => {
  const bodies: string[] = []
  const http = await serve((request, response) => {
    void bodyOf(request).then((body) => {
      bodies.push(body)
      response.end()
    })
  })
  closers.push(() => http.close())
  const url = `http://127.0.0.1:${http.port}/`
  for (const type of ['webhook', 'slack', 'mattermost']) {
    taps.set(type, {
      channel: channelOf({ type, url }),
      take: async () => {
        const wire = bodies.splice(0).join('')
        return { wire, text: strings(JSON.parse(wire)).join('\n') }
      },
    })
  }
  const frames: Buffer[] = []
  const tcp = createServer((socket) => socket.on('data', (data) => frames.push(data)))
  tcp.listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  closers.push(() => tcp.close())
  taps.set('syslog', {
    channel: channelOf({
      type: 'syslog',
      address: `tcp://127.0.0.1:${(tcp.address() as AddressInfo).port}`,
    }),
    take: async () => {
      const wire = Buffer.concat(frames.splice(0)).toString('latin1')
      return { wire, text: strings(framesOf(wire).map((json) => JSON.parse(json))).join('\n') }
    },
  })
  const path = join(mkdtempSync(join(tmpdir(), 'tipline-alerts-')), 'alerts')
  taps.set('file', {
    channel: channelOf({ type: 'file', path }),
    take: async () => {
      const wire = readFileSync(path, 'utf8')
      rmSync(path)
      const lines = wire.trimEnd().split('\n')
      return { wire, text: strings(lines.map((line) => JSON.parse(line))).join('\n') }
    },
  })
  if (!hasSmtp()) return
  const smtp = await SmtpServer.start({ security: 'none' })
  closers.push(() => smtp.close())
  const mail = { type: 'email', server: '127.0.0.1', security: 'none', port: smtp.port }
  taps.set('email', {
    channel: channelOf({ ...mail, from: 'tipline@example.org', to: ['soc@example.org'] }),
    take: async () => {
      await smtp.received(1)
      const wire = smtp.mails
        .splice(0)
        .map(({ content }) => content)
        .join('')
      return { wire, text: readMail(wire) }
    },
  })
})

afterAll(async () => {
  for (const close of closers) await close()
})

/** Every text in a document, its names too. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, child]) => [name, ...strings(child)])
}

/** By counted octets, strictly: what is left over is a fault. */
function framesOf(wire: string): string[] {
  const found: string[] = []
  let rest = wire
  while (rest !== '') {
    const [whole, length = ''] = /^(\d+) /.exec(rest) ?? ['', '']
    expect(whole).not.toBe('')
    const message = rest.slice(whole.length, whole.length + Number(length))
    const [, json = ''] = /^<\d+>1 \S+ \S+ tipline \d+ \w+ - (.*)$/s.exec(message) ?? []
    found.push(json)
    rest = rest.slice(whole.length + Number(length))
  }
  return found
}

/** Subject and body as a mail reader shows them. */
function readMail(wire: string): string {
  const at = wire.indexOf('\r\n\r\n')
  const [head, body] = [wire.slice(0, at).replace(/\r\n[ \t]+/g, ' '), wire.slice(at + 4)]
  const words = head
    .replace(/\?= =\?/g, '?==?')
    .replace(/=\?utf-8\?([QB])\?([^?]*)\?=/gi, encodedWord)
  const isBase64 = /^content-transfer-encoding: base64/im.test(head)
  const plain = isBase64
    ? Buffer.from(body, 'base64').toString()
    : quoted(body.replace(/=\r\n/g, ''))
  return `${words}\r\n\r\n${plain}`
}

function encodedWord(_: string, how: string, text: string): string {
  if (how.toUpperCase() === 'B') return Buffer.from(text, 'base64').toString()
  return quoted(text.replaceAll('_', ' '))
}

function quoted(text: string): string {
  const bytes = text.replace(/=([0-9A-F]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString()
}

const NASTY = [
  '\r\nBcc: all@evil.example\r\n\r\n',
  '\n<1>1 - - - - - - forged',
  '\u0000',
  '\u001b[2J',
  '<!channel>',
  '<@U024BE7LH>',
  '@here',
  '@channel',
  '@all',
  '```',
  '~~~',
  '[click](https://evil.example)',
  '<https://evil.example|bank>',
  '*bold*',
  '&lt;!here&gt;',
  '\u{1f480}',
  '\u202ereversed',
  '\u2066',
  '\ud800',
  '\u0085',
  '\u2028',
  '{value}',
  `\${HOME}`,
  'http://evil.example/x',
  'javascript:alert(1)',
  '=?utf-8?Q?=0D=0A?=',
  '.\r\n.\r\nQUIT\r\n',
  '","x":"',
]
const text = fc
  .array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 12 })), {
    maxLength: 4,
  })
  .map((parts) => parts.join(''))
/** Told by a mark, so that it is known again wherever it turns up. */
const marked = text.map((body) => `qz7${body}zq7`)

const event: fc.Arbitrary<SightEvent> = fc.record({
  source: marked,
  id: marked,
  uuid: fc.oneof(fc.uuid(), marked),
  info: marked,
  link: fc.option(marked),
  attribute: fc.record({ uuid: marked, type: marked }),
  tlp: fc.option(fc.constantFrom(...TLP_LEVELS)),
  hit: marked,
})
const sight: fc.Arbitrary<Sight> = fc.record({
  indicator: fc.record({
    kind: fc.constantFrom('ip', 'domain', 'url', 'sha256', 'net', 'x'),
    value: marked,
  }),
  inside: marked,
  network: fc.constant('campus'),
  observable: marked,
  field: marked,
  label: marked,
  first: fc.nat(),
  last: fc.nat(),
  count: fc.nat(1000),
  backscan: fc.boolean(),
  hit: marked,
  events: fc.array(event, { minLength: 1, maxLength: 3 }),
})
const kind = fc.constantFrom('hit' as const, 'digest' as const)
const strictly = (event: SightEvent) => ({ ...event, tlp: 'amber+strict' as const })

const TYPES = ['webhook', 'slack', 'mattermost', 'syslog', 'file', 'email']

describe.each(TYPES)('through %s', (type) => {
  const tapOf = () => {
    const tap = taps.get(type)
    if (!tap) expect(hasSmtp()).toBe(false)
    return tap
  }

  it('nothing of a sight above disclose leaves but the UUID of its event', async () => {
    const tap = tapOf()
    if (!tap) return
    await fc.assert(
      fc.asyncProperty(
        fc.array(sight, { minLength: 1, maxLength: 3 }),
        kind,
        async (some, kind) => {
          const sights = some.map((one) => ({ ...one, events: one.events.map(strictly) }))
          await tap.channel.send(shown(alertOf({ kind, sights })), NEVER)
          const { wire, text } = await tap.take()
          expect(wire).not.toMatch(/qz7|zq7/)
          expect(text).not.toMatch(/qz7|zq7/)
          const [first] = sights
          for (const { uuid } of first?.events ?? []) {
            if (/^[0-9a-f-]{36}$/.test(uuid)) expect(text).toContain(uuid)
          }
        },
      ),
      fuzz(200),
    )
  })

  it('of an event above disclose only the UUID leaves, though another may be told', async () => {
    const tap = tapOf()
    if (!tap) return
    await fc.assert(
      fc.asyncProperty(sight, event, async (one, other) => {
        const closed = {
          ...strictly(other),
          info: 'qz8',
          source: 'qz8',
          id: 'qz8',
          hit: 'qz8',
          link: 'https://qz8/',
        }
        const attribute = { uuid: 'qz8', type: 'qz8' }
        const events = [eventOf(), { ...closed, attribute }]
        await tap.channel.send(shown(alertOf({ sights: [{ ...one, events }] })), NEVER)
        const { text } = await tap.take()
        expect(text).not.toContain('qz8')
      }),
      fuzz(100),
    )
  })

  it('foreign texts stay texts', async () => {
    const tap = tapOf()
    if (!tap) return
    await fc.assert(
      fc.asyncProperty(sight, kind, async (one, kind) => {
        await tap.channel.send(shown(alertOf({ kind, sights: [one] }), 'red'), NEVER)
        HARMLESS[type]!(await tap.take())
      }),
      fuzz(300),
    )
  })
})

type Check = (seen: { wire: string; text: string }) => void

const ascii: Check = ({ wire }) => expect(wire).toMatch(/^[ -~]+$/)

/** No control character but our own line breaks, none that turns the direction. */
const visible = (text: string) => {
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/)
  expect(text).not.toMatch(/\p{Surrogate}/u)
}

/** Those that carry JSON: what they parse to has been looked at by `strings` already. */
const HARMLESS: Readonly<Record<string, Check>> = {
  webhook: (seen) => {
    ascii(seen)
    const { sights, id } = JSON.parse(seen.wire) as { sights: object[]; id: string }
    expect(sights).toHaveLength(1)
    expect(id).toBe(ID)
  },
  slack: ({ wire }) => {
    ascii({ wire, text: '' })
    const { text } = JSON.parse(wire) as { text: string }
    visible(text)
    expect(text).not.toMatch(/[<>]/)
    expect(text).not.toMatch(/@(?!\])/)
    expect(text.replace(/^https:\/\/misp\.example\.org\S*$/gm, '')).not.toContain('://')
  },
  mattermost: ({ wire }) => {
    ascii({ wire, text: '' })
    const { text } = JSON.parse(wire) as { text: string }
    visible(text)
    expect(text).not.toMatch(/[<>]/)
    expect(text).not.toMatch(/@(?!\])/)
    // One block: nothing ended it before its end.
    expect(text.match(/```|~~~/g)).toHaveLength(2)
    expect(text).toMatch(/^```text\n[^`]*\n```(\n|$)/)
  },
  syslog: ({ wire }) => {
    expect(wire).toMatch(/^[ -~]+$/)
    expect(framesOf(wire)).toHaveLength(1)
    expect(Number.parseInt(wire, 10)).toBeLessThan(8096)
  },
  file: ({ wire }) => {
    expect(wire).toMatch(/^[ -~]+\n$/)
    expect(wire.length).toBeLessThan(8096)
  },
  email: ({ wire, text }) => {
    const head = wire.slice(0, wire.indexOf('\r\n\r\n'))
    const names = head
      .replace(/\r\n[ \t][^\r]*/g, '')
      .split('\r\n')
      .map((line) => line.split(':')[0])
    expect(names.toSorted()).toEqual(HEADERS)
    expect(head).toContain('To: soc@example.org\r\n')
    expect(wire.replaceAll('\r\n', '')).toMatch(/^[ -~]*$/)
    visible(text.replaceAll('\r\n', '\n'))
    const body = text.slice(text.indexOf('\r\n\r\n'))
    expect(body.replace(/^https:\/\/misp\.example\.org\S*\r?$/gm, '')).not.toContain('://')
  },
}

const HEADERS = [
  'Auto-Submitted',
  'Content-Transfer-Encoding',
  'Content-Type',
  'Date',
  'From',
  'MIME-Version',
  'Message-ID',
  'Subject',
  'To',
  'X-Auto-Response-Suppress',
]
