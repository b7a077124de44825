/** A server on the wire: what of it goes wrong is told with what to do. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openClickHouse } from '../../src/clickhouse/open.js'
import { clickhouseSettings } from '../../src/clickhouse/settings.js'
import { silentLogger } from '../../src/log.js'
import { hasOldClickHouse, OldClickHouse } from '../servers/clickhouse-old.js'

const PASSWORD = 'a password of nobody'

describe.skipIf(!hasOldClickHouse())('a ClickHouse server', () => {
  let server: OldClickHouse
  beforeAll(async () => {
    server = await OldClickHouse.start(PASSWORD)
  })
  afterAll(() => server?.close())

  const open = (of: object = {}) =>
    openClickHouse(
      clickhouseSettings.parse({
        url: `http://tipline@127.0.0.1:${server.port}`,
        password: PASSWORD,
        timeout: '2s',
        ...of,
      }),
      { dataDir: '/nonexistent', log: silentLogger() },
    )

  it('that is too old is refused, naming the oldest that works', async () => {
    await expect(open()).rejects.toMatchObject({
      fault: 'too-old',
      message: expect.stringMatching(/version 18\.16\.\d+.*oldest that works is 24\.8/) as string,
    })
  })

  it.each([
    ['another password', { password: 'wrong' }],
    ['another user', { url: 'http://nobody@127.0.0.1' }],
  ])('that refuses %s', async (_, of) => {
    const url = `http://${'url' in of ? 'nobody' : 'tipline'}@127.0.0.1:${server.port}`
    const work = open({ ...of, url })
    await expect(work).rejects.toMatchObject({ fault: 'authentication', exitStatus: 3 })
    await expect(work).rejects.not.toThrow(PASSWORD)
  })

  it('that answers no more is waited for, then told of', async () => {
    server.freeze()
    await expect(open({ timeout: '1s' })).rejects.toMatchObject({ fault: 'timeout' })
    server.thaw()
    await expect(open()).rejects.toMatchObject({ fault: 'too-old' })
  })

  it('that is none', async () => {
    const page = createServer((_, answer) => answer.writeHead(404).end('<html>not here</html>'))
    page.listen(0, '127.0.0.1')
    await once(page, 'listening')
    const { port } = page.address() as AddressInfo
    const work = open({ url: `http://127.0.0.1:${port}` })
    await expect(work).rejects.toThrow('answers with a web page')
    page.close()
  })

  it('that is gone, and comes back', async () => {
    await server.kill()
    await expect(open()).rejects.toMatchObject({
      fault: 'unreachable',
      hint: expect.any(String) as string,
    })
    await server.restart()
    await expect(open()).rejects.toMatchObject({ fault: 'too-old' })
  })
})
