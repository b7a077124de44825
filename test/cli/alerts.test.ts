/** `tipline alerts` and `tipline doctor --alerts`, with real receivers, and the daemon that sends. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../misp-client/certs.js'
import { bodyOf, type Running as Server, serve } from '../misp-client/servers.js'
import { hasSmtp, SmtpServer } from '../servers/smtp.js'
import { hasSyslogNg, SyslogNg } from '../servers/syslog-ng.js'
import type { Running } from './cli.js'
import { Site, until } from './site.js'

let site: Site
let closers: (() => unknown)[]
let status = 200
let got: { readonly id: string; readonly kind: string; readonly channel: string }[]
let hook: Server

beforeEach(async () => {
  site = new Site()
  closers = []
  status = 200
  got = []
  await site.startMisp()
  hook = await serve((request, response) => {
    void bodyOf(request).then((body) => {
      got.push(JSON.parse(body))
      response.writeHead(status).end('said so')
    })
  })
})
afterEach(async () => {
  for (const close of closers.reverse()) await close()
  await hook.close()
  await site.close()
})

const DAEMON = 'http: { listen: "127.0.0.1:0" }\nnetworks: { campus: [192.0.2.0/24] }\n'
const url = () => `http://127.0.0.1:${hook.port}/hook`

function writeChannels(...channels: readonly object[]): void {
  site.writeConfig(`${DAEMON}alerts: ${JSON.stringify(channels)}\n`)
}

/** The daemon, at work and with its ear on new hits. */
async function startDaemon(): Promise<Running> {
  const daemon = site.start(['run'])
  closers.push(() => daemon.child.kill('SIGKILL'))
  const path = join(site.folder, 'tipline-data/hits.db')
  await until(() => {
    expect(daemon.child.exitCode, daemon.stderr).toBeNull()
    if (!daemon.stderr.includes('at work') || !existsSync(path)) return false
    const db = new DatabaseSync(path, { readOnly: true })
    try {
      return db.prepare(`SELECT 1 FROM follower WHERE name = 'alerts'`).get() !== undefined
    } catch {
      // The tables are still to come.
      return false
    } finally {
      db.close()
    }
  })
  return daemon
}

async function stop(daemon: Running): Promise<void> {
  daemon.child.kill('SIGTERM')
  const ended = await daemon.end()
  expect(ended.status, ended.stderr).toBe(0)
}

async function meet(client: string): Promise<void> {
  const line = {
    '@timestamp': new Date().toISOString(),
    source: { ip: client },
    'dns.question.name': 'www.evil.example',
  }
  const ran = await site.run(['enrich', '--record'], { input: `${JSON.stringify(line)}\n` })
  expect(ran.status, ran.stderr).toBe(0)
}

interface Parked {
  readonly id: string
  readonly channel: string
  readonly kind: string
  readonly reason: string
}
const parked = async () =>
  (await site.ask(['alerts'])) as unknown as { parked: Parked[]; exit: number }

describe('tipline alerts', () => {
  it('tells what was refused and why, sends it again, and drops it', async () => {
    status = 422
    writeChannels({ name: 'soc', type: 'webhook', url: url(), disclose: 'red' })
    await site.run(['sync'])
    expect(await parked()).toEqual({ parked: [], exit: 1 })
    const daemon = await startDaemon()
    for (const client of ['192.0.2.5', '192.0.2.6']) await meet(client)
    await until(async () => (await parked()).parked.length === 2)
    const { parked: told, exit } = await parked()
    expect(exit).toBe(0)
    expect(told).toMatchObject([
      { channel: 'soc', kind: 'hit', reason: 'soc answered HTTP 422: said so' },
      { channel: 'soc' },
    ])
    expect(told.map(({ id }) => id)).toEqual(got.map(({ id }) => id))
    const doctor = await site.run(['doctor'])
    expect(doctor.stdout).toContain('2 messages parked: refused')
    const [first, second] = told as [Parked, Parked]
    const plain = await site.run(['alerts'])
    expect(plain.stdout).toContain(`${first.id}  soc  hit`)

    status = 200
    expect(await site.ask(['alerts', '--retry', first.id])).toMatchObject({ changed: 1, exit: 0 })
    await until(() => got.length === 3)
    expect(got[2]?.id).toBe(first.id)
    expect((await parked()).parked).toMatchObject([{ id: second.id }])
    expect(await site.ask(['alerts', '--drop', second.id])).toMatchObject({ changed: 1, exit: 0 })
    expect(await parked()).toEqual({ parked: [], exit: 1 })
    for (const option of ['--retry', '--drop']) {
      expect(await site.ask(['alerts', option, 'all'])).toMatchObject({ changed: 0, exit: 1 })
      expect(await site.ask(['alerts', option, first.id])).toMatchObject({ changed: 0, exit: 1 })
    }
    expect((await site.run(['alerts', '--retry', 'all', '--drop', 'all'])).status).toBe(2)
    await stop(daemon)
    expect(got).toHaveLength(3)
  }, 180_000)

  it('keeps everything while nobody is there to send: a stop and a start later it arrives, once', async () => {
    writeChannels({ name: 'soc', type: 'webhook', url: url(), disclose: 'red' })
    await site.run(['sync'])
    await stop(await startDaemon())
    await meet('192.0.2.5')
    expect(got).toEqual([])
    const daemon = await startDaemon()
    await until(() => got.length === 1)
    await stop(daemon)
    await stop(await startDaemon())
    expect(got).toHaveLength(1)
  }, 180_000)
})

describe('tipline doctor --alerts', () => {
  const TEST = 'a test was sent: '

  async function doctor(): Promise<{ exit: number | null; alerts: Record<string, string> }> {
    const answer = await site.ask(['doctor', '--alerts'])
    const findings = answer.findings as { area: string; level: string; message: string }[]
    const ofAlerts = findings.filter(({ area }) => area.startsWith('alerts '))
    const told = ofAlerts.map(({ area, level, message }) => [area.slice(7), `${level} ${message}`])
    return { exit: answer.exit, alerts: Object.fromEntries(told) as Record<string, string> }
  }

  it('sends a test through HTTP and into a file, and says what stands in the way of others', async () => {
    const path = join(site.folder, 'alerts.ndjson')
    const mail = { type: 'email', server: '127.0.0.1', security: 'none', from: 'a@example.org' }
    writeChannels(
      { name: 'hook', type: 'webhook', url: url() },
      { name: 'slack', type: 'slack', url: url() },
      { name: 'file', type: 'file', path },
      { name: 'nobody', type: 'webhook', url: 'http://127.0.0.1:1/' },
      { name: 'mail', ...mail, port: 1, to: ['b@example.org'] },
      { name: 'siem', type: 'syslog', address: 'tcp://127.0.0.1:1' },
      { name: 'folder', type: 'file', path: site.folder },
    )
    await site.run(['sync'])
    const { exit, alerts } = await doctor()
    expect(exit).toBe(1)
    expect(alerts).toMatchObject({
      hook: `ok ${TEST}HTTP 200: said so`,
      slack: `ok ${TEST}HTTP 200: said so`,
      file: expect.stringMatching(/^ok a test was sent: \d+ bytes appended$/) as string,
      nobody: "error nobody can't be reached (ECONNREFUSED)",
      mail: "error mail can't be reached (ECONNREFUSED)",
      siem: "error siem can't be reached (ECONNREFUSED)",
      folder: expect.stringMatching(/^error .* is no file|EISDIR/) as string,
    })
    expect(got.find(({ channel }) => channel === 'hook')).toMatchObject({ kind: 'test' })
    const document = JSON.parse(readFileSync(path, 'utf8'))
    expect(document.tipline.alert).toMatchObject({ kind: 'test', channel: 'file' })
    expect(document.message).toMatch(/^A test of the channel file, .* stands behind it\.$/)
    // It went past the queue.
    expect(existsSync(join(site.folder, 'tipline-data/hits.db'))).toBe(false)
  }, 180_000)

  it('sends a test by mail', { skip: !hasSmtp(), timeout: 180_000 }, async () => {
    const smtp = await SmtpServer.start({ security: 'none' })
    closers.push(() => smtp.close())
    const mail = { type: 'email', server: '127.0.0.1', security: 'none', port: smtp.port }
    const templates = {
      subject: '{value} bij {inside}',
      message: 'Gezien door {inside} ({network})',
    }
    const people = { from: 'a@example.org', to: ['b@example.org'] }
    writeChannels({ name: 'mail', ...mail, ...people, templates })
    await site.run(['sync'])
    expect(await doctor()).toMatchObject({ exit: 0, alerts: { mail: `ok ${TEST}250 2.0.0 taken` } })
    const [sent] = await smtp.received(1)
    expect(sent?.content).toMatch(/^Subject: \[tipline\] test$/m)
    // Whoever sets it up sees what an alert will look like.
    expect(sent?.content).toContain('\r\nevil[.]example bij 192.0.2.7\r\n')
    expect(sent?.content).toContain('\r\nGezien door 192.0.2.7 (campus)\r\n')
  })

  it('sends a test to syslog, over UDP and TCP', {
    skip: !hasSyslogNg(),
    timeout: 180_000,
  }, async () => {
    const syslog = await SyslogNg.start(createAuthority().issue({ names: ['localhost'] }))
    closers.push(() => syslog.close())
    const channels = (['udp', 'tcp'] as const).map((transport) => ({
      name: transport,
      type: 'syslog',
      address: `${transport}://127.0.0.1:${syslog.ports[transport]}`,
    }))
    writeChannels(...channels)
    await site.run(['sync'])
    const { exit, alerts } = await doctor()
    expect(exit).toBe(0)
    expect(Object.values(alerts).every((said) => said.startsWith(`ok ${TEST}`))).toBe(true)
    const received = await syslog.received(2)
    const names = received.map(({ MESSAGE }) => JSON.parse(MESSAGE).tipline.alert.channel)
    expect(names.sort()).toEqual(['tcp', 'udp'])
  })

  it('sends through many channels without a word on stderr', async () => {
    const many = Array.from({ length: 12 }, (_, n) => ({ name: `n${n}`, type: 'webhook' }))
    writeChannels(...many.map((channel) => ({ ...channel, url: url() })))
    const { stdout, stderr } = await site.run(['doctor', '--alerts'])
    expect(stdout.match(/a test was sent/g)).toHaveLength(12)
    expect(stderr).toBe('')
  })

  it('tells no secret of a channel, whatever goes wrong', async () => {
    status = 500
    const secret = 'whsec_c2VjcmV0LW9mLXRoZS1zb2MtMDEyMzQ1'
    writeChannels({
      name: 'soc',
      type: 'webhook',
      url: `${url()}/path-of-nobody`,
      secret,
      token: 't0ken-of-the-soc',
    })
    await site.run(['sync'])
    for (const more of [[], ['--json']]) {
      const ran = await site.run(['doctor', '--alerts', ...more])
      expect(ran.stdout).toContain('HTTP 500')
      for (const each of [secret, 't0ken-of-the-soc', 'path-of-nobody']) {
        expect(ran.stdout + ran.stderr).not.toContain(each)
      }
    }
  }, 180_000)
})
