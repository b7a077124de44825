/** How `tipline run` ends where it is not told to: each exit status that the guide names. */
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { documentOf } from '../cli/cli.js'
import { Site, until } from '../cli/site.js'
import { Daemon } from './daemons.js'

let site: Site

beforeEach(async () => {
  site = new Site()
  await site.startMisp()
  site.writeConfig('http: { listen: "127.0.0.1:0" }\n')
})
afterEach(() => site.close())

describe('tipline run ends with', () => {
  it('2 where the config is wrong, and begins nothing', async () => {
    site.writeConfig('polycy: {}\n')
    const ran = await site.run(['run', '--json'])
    expect(ran.status, ran.stderr).toBe(2)
    expect(documentOf(ran)).toMatchObject({ error: { type: 'ConfigError', exit_status: 2 } })
    expect(existsSync(join(site.folder, 'tipline-data/ledger.db'))).toBe(false)
  })

  it('3 where something else listens at its address', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    site.writeConfig(`http: { listen: "127.0.0.1:${port}" }\n`)
    const ran = await site.run(['run', '--json'])
    other.close()
    expect(ran.status, ran.stderr).toBe(3)
    expect(documentOf(ran)).toMatchObject({ error: { type: 'ListenError' } })
  })

  it('3 where another daemon has the data folder, which goes on', async () => {
    const first = await Daemon.atWork(site)
    const ran = await site.run(['run', '--json'])
    expect(ran.status, ran.stderr).toBe(3)
    expect(documentOf(ran)).toMatchObject({ error: { type: 'LedgerBusy' } })
    expect((await fetch(`${first.url}/healthz`)).status).toBe(200)
    first.signal('SIGTERM')
    expect((await first.end()).status).toBe(0)
  })

  it('3 where its data folder is of no use', async () => {
    mkdirSync(join(site.folder, 'tipline-data'))
    site.write('tipline-data/ledger.db', 'this is no database, and never was one\n'.repeat(200))
    const ran = await site.run(['run', '--json'])
    expect(ran.status, ran.stderr).toBe(3)
    expect(documentOf(ran)).toMatchObject({ error: { type: 'LedgerError' } })
  })

  it('70 where a part of it fails as none may, after the others have ended well', async () => {
    const daemon = await Daemon.atWork(site)
    const ledger = new DatabaseSync(join(site.folder, 'tipline-data/ledger.db'))
    ledger.exec('PRAGMA busy_timeout = 30000; ALTER TABLE hold RENAME TO held_elsewhere')
    ledger.close()
    const ran = await daemon.end()
    expect(ran.status, ran.stderr).toBe(70)
    expect(documentOf(ran)).toMatchObject({ error: { type: 'Bug' } })
    expect(daemon.hasSaid('something failed: stopping')).toBe(true)
  })

  it('70 where something was thrown that nobody caught, and says so last', async () => {
    const trigger = join(site.folder, 'now')
    const preloaded = new URL('throw-at.mjs', import.meta.url)
    const env = { NODE_OPTIONS: `--import=${preloaded}`, THROW_AT: trigger }
    const daemon = Daemon.start(site, env)
    await until(() => daemon.hasSaid('at work') || daemon.hasEnded)
    site.write('now', '')
    const ran = await daemon.end()
    expect(ran.status, ran.stderr).toBe(70)
    const last = JSON.parse(ran.stderr.trimEnd().split('\n').at(-1) ?? '') as object
    expect(last).toMatchObject({ level: 60, err: { message: 'nobody catches this' } })
  })
})
