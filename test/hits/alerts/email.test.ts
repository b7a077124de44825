/** Mail, through a real mail server. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { AlertRefused, ChannelUnavailable } from '../../../src/errors.js'
import { createAuthority } from '../../misp-client/certs.js'
import { hasSmtp, type SmtpOptions, SmtpServer } from '../../servers/smtp.js'
import { alertOf, channelOf, ID, NEVER, shown, sightOf } from './facts.js'

const authority = createAuthority()
const issued = authority.issue({ names: ['localhost'] })
const ca_file = join(mkdtempSync(join(tmpdir(), 'tipline-alerts-')), 'ca.pem')
writeFileSync(ca_file, authority.cert)

const running: SmtpServer[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

async function server(options: SmtpOptions): Promise<SmtpServer> {
  const started = await SmtpServer.start(options)
  running.push(started)
  return started
}

const PLAIN = {
  type: 'email',
  server: 'localhost',
  security: 'none',
  from: 'tipline@example.org',
  to: ['soc@example.org', 'cert@example.org'],
}

describe.skipIf(!hasSmtp())('mail', () => {
  it('is plain text under an id that stays', async () => {
    const smtp = await server({ security: 'none' })
    const channel = channelOf({ ...PLAIN, port: smtp.port })
    expect(await channel.send(shown(alertOf()), NEVER)).toBe('250 2.0.0 taken')
    const [mail] = await smtp.received(1)
    expect(mail).toMatchObject({ from: PLAIN.from, to: PLAIN.to, tls: false, user: null })
    expect(mail?.content).toMatchInlineSnapshot(`
      "Auto-Submitted: auto-generated
      X-Auto-Response-Suppress: All
      From: tipline@example.org
      To: soc@example.org, cert@example.org
      Subject: [tipline] domain webmail-update[.]example met by 192.0.2.40
      Message-ID: <6f1c0e4e-62a2-4a57-9b0c-0d4b6b1f0a01@example.org>
      Date: Sun, 22 Nov 2026 04:00:00 +0000
      Content-Transfer-Encoding: quoted-printable
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8

      domain webmail-update[.]example
      met by 192.0.2.40 (network campus)
      seen as static[.]login[.]webmail-update[.]example in dns.rrname of =
      resolver-1, 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z
      events: Phishing for webmail passwords (5f6c1b7a-0000-4000-8000-00000000000=
      1)
      TLP GREEN, from main
      https://misp.example.org/events/view/1234
      "
    `)
    await channel.send(shown(alertOf()), NEVER)
    const [one, other] = await smtp.received(2)
    expect(other?.content).toBe(one?.content)
    expect(other?.content).toContain(`<${ID}@example.org>`)
  })

  it('goes through STARTTLS and TLS with a private authority and a password', async () => {
    for (const security of ['starttls', 'tls'] as const) {
      const smtp = await server({ security, issued, password: 'pa55word' })
      const given = {
        ...PLAIN,
        security,
        port: smtp.port,
        username: 'tipline',
        password: 'pa55word',
      }
      await channelOf({ ...given, ca_file }).send(shown(alertOf()), NEVER)
      const [mail] = await smtp.received(1)
      expect(mail).toMatchObject({ tls: true, user: 'tipline' })
      const wary = channelOf(given).send(shown(alertOf()), NEVER)
      await expect(wary).rejects.toBeInstanceOf(ChannelUnavailable)
      await expect(wary).rejects.toMatchObject({
        message: expect.stringContaining('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
        hint: expect.stringContaining('ca_file'),
      })
      const other = `${ca_file}.other`
      writeFileSync(other, createAuthority('Another').cert)
      const mistaken = channelOf({ ...given, ca_file: other }).send(shown(alertOf()), NEVER)
      await expect(mistaken).rejects.toMatchObject({
        hint: expect.stringContaining(`no authority in ${other}`),
      })
      const wrong = channelOf({ ...given, ca_file, password: 'wr0ng-one' }).send(
        shown(alertOf()),
        NEVER,
      )
      await expect(wrong).rejects.toMatchObject({ hint: 'check username and password' })
      await expect(wrong).rejects.toBeInstanceOf(ChannelUnavailable)
      expect(smtp.mails).toHaveLength(1)
    }
  })

  it('never goes in plain text where TLS is wanted', async () => {
    const smtp = await server({ security: 'none' })
    const channel = channelOf({ ...PLAIN, security: 'starttls', port: smtp.port })
    const sent = channel.send(shown(alertOf()), NEVER)
    await expect(sent).rejects.toBeInstanceOf(ChannelUnavailable)
    await expect(sent).rejects.toMatchObject({ hint: expect.stringContaining('STARTTLS') })
    expect(smtp.mails).toEqual([])
  })

  it('is parked where the server refuses the message, and waits where it refuses us', async () => {
    const smtp = await server({ security: 'none' })
    const given = { ...PLAIN, port: smtp.port }
    const poison = shown(alertOf({ sights: [sightOf({ field: 'poison' })] }))
    await expect(channelOf(given).send(poison, NEVER)).rejects.toBeInstanceOf(AlertRefused)
    const later = shown(alertOf({ sights: [sightOf({ field: 'later' })] }))
    await expect(channelOf(given).send(later, NEVER)).rejects.toBeInstanceOf(ChannelUnavailable)
    const nobody = channelOf({ ...given, to: ['refuse@example.org'] })
    await expect(nobody.send(shown(alertOf()), NEVER)).rejects.toBeInstanceOf(ChannelUnavailable)
    const some = channelOf({ ...given, to: ['refuse@example.org', 'soc@example.org'] })
    expect(await some.send(shown(alertOf()), NEVER)).toContain('1 of 2 recipients refused')
    expect((await smtp.received(1))[0]?.to).toEqual(['soc@example.org'])
    const gone = channelOf({ ...PLAIN, port: 1 }).send(shown(alertOf()), NEVER)
    await expect(gone).rejects.toBeInstanceOf(ChannelUnavailable)
    await expect(gone).rejects.toThrow('ECONNREFUSED')
  })
})
