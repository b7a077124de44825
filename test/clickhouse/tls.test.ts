/** HTTPS to ClickHouse with an authority of one's own: the engine behind a server that speaks TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openClickHouse } from '../../src/clickhouse/open.js'
import { clickhouseSettings } from '../../src/clickhouse/settings.js'
import { createLogger } from '../../src/log.js'
import { createAuthority } from '../misp-client/certs.js'
import { hasEngine, TestEngine } from './engine.js'
import { Gate } from './gate.js'

describe.skipIf(!hasEngine())('ClickHouse over HTTPS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-tls-'))
  const authority = createAuthority('The authority of the house')
  const ca_file = join(folder, 'ca.pem')
  const other = join(folder, 'other.pem')
  let engine: TestEngine
  let gate: Gate
  const logged: string[] = []

  beforeAll(async () => {
    writeFileSync(ca_file, authority.cert)
    writeFileSync(other, createAuthority('Another one').cert)
    engine = await TestEngine.start()
    const tls = authority.issue({ names: ['localhost'] })
    gate = await Gate.open({ socket: () => engine.address.socket, tls })
  })
  afterAll(async () => {
    await gate.close()
    await engine.close()
    rmSync(folder, { recursive: true })
  })

  async function answer(of: object, host = 'localhost'): Promise<unknown> {
    const write = (line: string) => void logged.push(line)
    const log = await createLogger({ level: 'info', pretty: false, destination: { write } })
    const url = `https://${host}:${gate.port}`
    const settings = clickhouseSettings.parse({ url, timeout: '30s', ...of })
    const db = await openClickHouse(settings, { dataDir: folder, log })
    try {
      await db.insert({ table: "FUNCTION null('n UInt8')", columns: ['n'], rows: [[1]] })
      return await db.row('SELECT {text:String} AS text', { params: { text: 'a\n"b' } })
    } finally {
      await db.close()
    }
  }

  it('is trusted with the authority that signed it', async () => {
    expect(await answer({ ca_file })).toEqual({ text: 'a\n"b' })
  })

  it.each([
    ['without the authority', {}, 'localhost', /not trusted \(\w+\)/, 'name the authority'],
    ['with another one', { ca_file: other }, 'localhost', /not trusted \(\w+\)/, other],
    [
      'under another name',
      { ca_file },
      '127.0.0.1',
      /ERR_TLS_CERT_ALTNAME_INVALID/,
      'another name',
    ],
  ])('is refused %s', async (_, of, host, message, hint) => {
    await expect(answer(of, host)).rejects.toMatchObject({
      fault: 'tls',
      exitStatus: 3,
      message: expect.stringMatching(message) as string,
      hint: expect.stringContaining(hint) as string,
    })
  })

  it('whose authority can not be read says so', async () => {
    const ca_file = join(folder, 'nothing.pem')
    const fault = { fault: 'tls', exitStatus: 3 }
    await expect(answer({ ca_file })).rejects.toMatchObject({
      ...fault,
      message: expect.stringContaining(ca_file) as string,
    })
    await expect(answer({ ca_file: '/dev/null' })).rejects.toMatchObject({
      ...fault,
      message: expect.stringContaining('no certificate in PEM form') as string,
    })
  })

  it('is taken as it is where one asks for that, with a warning', async () => {
    logged.length = 0
    expect(await answer({ ignore_cert_errors: true }, '127.0.0.1')).toEqual({ text: 'a\n"b' })
    expect(logged.join('')).toContain('CERTIFICATE ERRORS ARE IGNORED')
  })
})
