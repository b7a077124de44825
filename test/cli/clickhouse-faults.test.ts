/** A ClickHouse that can't be written to: exit 3, what and what to do, and the next sync catches up. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { Gate } from '../clickhouse/gate.js'
import { Site } from './site.js'

interface SyncAnswer {
  readonly exit: number
  readonly sinks: readonly { ok: boolean; error: { what: string; hint?: string } | null }[]
}

const SLOW = 300_000
const PASSWORD = 'a password of the test'

/** The sink is where it was, and the ledger has what the MISP has. */
async function cursorOf(site: Site): Promise<{ cursor: number; lag: number }> {
  const { sinks } = await site.ask(['status'])
  const [{ cursor, lag }] = sinks as [{ cursor: number; lag: number }]
  return { cursor, lag }
}

function publish(site: Site, value: string): void {
  const first = site.misp.store.eventsById()[0]!
  site.misp.store.addAttribute(first.id, { type: 'ip-dst', value })
  site.misp.store.publish(first.id)
}

describe.skipIf(!hasEngine())('a ClickHouse server', () => {
  let site: Site
  let engine: TestEngine
  let db: ClickHouse
  let gate: Gate

  beforeEach(async () => {
    site = new Site()
    await site.startMisp()
    engine = await TestEngine.start({ listen: { host: '127.0.0.1', port: 0 }, password: PASSWORD })
    db = await engine.connect()
    gate = await Gate.open({ socket: () => engine.address.socket })
    use(`http://tipline@127.0.0.1:${gate.port}`)
    expect((await site.run(['sync'])).status).toBe(0)
  })
  afterEach(async () => {
    await gate.close()
    await db.close()
    await engine.close()
    await site.close()
  })

  const use = (url: string) =>
    site.writeConfig(
      `sinks: { clickhouse: { url: "${url}", password: "${PASSWORD}", timeout: 30s } }\n`,
    )

  const isReadOnly = (sql: string) =>
    /^\s*(INSERT|CREATE|ALTER|DROP|DELETE)\b/m.test(sql)
      ? 'Code: 164. DB::Exception: tipline: Cannot execute query in readonly mode. (READONLY) (version 25.8.1.1)'
      : null

  const lacks = (right: string, statement: RegExp) => (sql: string) =>
    statement.test(sql)
      ? `Code: 497. DB::Exception: tipline: Not enough privileges. To execute this query, it's necessary to have the grant ${right} ON nfsen.iocs. (ACCESS_DENIED) (version 25.8.1.1)`
      : null

  it.each([
    {
      what: 'is read-only for this user',
      begin: () => gate.refuse(isReadOnly),
      end: () => gate.refuse(() => null),
      message: /readonly mode.*\(code 164\)/,
      hint: /read-only; writing needs another user/,
    },
    {
      what: 'is asked as a reader of an embedded engine',
      begin: () => use(engine.address.readers!.replace('http://', 'http://reader@')),
      end: () => use(`http://tipline@127.0.0.1:${gate.port}`),
      message: /this user may only read.*\(code 392\)/,
      hint: /read-only; writing needs another user/,
    },
    {
      what: 'does not let this user insert',
      begin: () => gate.refuse(lacks('INSERT', /^\s*INSERT INTO `nfsen`.`iocs`/m)),
      end: () => gate.refuse(() => null),
      message: /necessary to have the grant INSERT ON nfsen\.iocs.*\(code 497\)/,
      hint: /an administrator has to GRANT what the message names/,
    },
    {
      what: 'has a table of another form in the place of iocs',
      begin: async () => {
        await db.command('RENAME TABLE nfsen.iocs TO nfsen.kept')
        await db.command('CREATE TABLE nfsen.iocs (ip UInt32) ENGINE = MergeTree ORDER BY ip')
      },
      end: async () => {
        await db.command('DROP TABLE nfsen.iocs SYNC')
        await db.command('RENAME TABLE nfsen.kept TO nfsen.iocs')
      },
      message: /refused: .*\(code \d+\)/,
      hint: /looks other than expected; tipline doctor compares/,
    },
    {
      what: 'is gone',
      begin: () => engine.kill(),
      end: () => engine.restart(),
      message: /can not be reached/,
      hint: /is it running/,
    },
  ])(
    'that $what',
    async ({ begin, end, message, hint }) => {
      const before = await cursorOf(site)
      expect(before.lag).toBe(0)
      publish(site, '198.51.100.99')
      await begin()
      const failed = (await site.ask(['sync'])) as unknown as SyncAnswer
      expect(failed).toMatchObject({ exit: 3, sinks: [{ ok: false }] })
      expect(failed.sinks[0]!.error!.what).toMatch(message)
      expect(failed.sinks[0]!.error!.hint).toMatch(hint)
      const meanwhile = await cursorOf(site)
      expect(meanwhile.cursor).toBe(before.cursor)
      expect(meanwhile.lag).toBeGreaterThan(0)
      await end()
      expect(await site.ask(['sync'])).toMatchObject({ exit: 0 })
      expect((await cursorOf(site)).lag).toBe(0)
      const own = await engine.connect()
      const rows = await own.rows("SELECT ip FROM nfsen.iocs WHERE ip = '198.51.100.99'")
      await own.close()
      expect(rows).toHaveLength(1)
    },
    SLOW,
  )

  it(
    'whose tables look other than expected is told of by the doctor, column by column',
    async () => {
      await db.command('RENAME TABLE nfsen.iocs TO nfsen.kept')
      await db.command(
        `CREATE TABLE nfsen.iocs (ip UInt32, uuid UUID, misp LowCardinality(String))
       ENGINE = MergeTree ORDER BY ip`,
      )
      const { stdout } = await site.run(['doctor'])
      expect(stdout).toMatch(/nfsen\.iocs has uuid as UUID instead of String, ip as UInt32 instead/)
      expect(stdout).not.toContain('misp as')
    },
    SLOW,
  )
})

/** Mounting takes root, and a kernel that lets it. */
function canMount(): boolean {
  if (process.getuid?.() !== 0) return false
  const site = new Site()
  try {
    mount(site.folder, 1)
    execFileSync('umount', [site.folder])
    return true
  } catch {
    console.warn('skipped: nothing can be mounted here')
    return false
  } finally {
    rmSync(site.folder, { recursive: true, force: true })
  }
}

function mount(folder: string, megabytes: number): void {
  const args = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]
  execFileSync('mount', args, { stdio: 'ignore' })
}

describe.skipIf(!hasEngine() || !canMount())('a full disk under the embedded ClickHouse', () => {
  it(
    'is told, and what was missed is caught up when there is room again',
    async () => {
      const site = new Site()
      await site.startMisp()
      site.writeConfig('sinks: { clickhouse: { embedded: { idle: 60s } } }\n')
      const data = join(site.folder, 'tipline-data/engine.data')
      mkdirSync(data, { recursive: true })
      mount(data, 256)
      const engine = TestEngine.at(join(site.folder, 'tipline-data'))
      try {
        expect((await site.run(['sync'])).status).toBe(0)
        await engine.restart()
        const before = await cursorOf(site)
        publish(site, '198.51.100.99')
        const { bavail, bsize } = statfsSync(data)
        writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - 300_000))
        const failed = (await site.ask(['sync'])) as unknown as SyncAnswer
        expect(failed).toMatchObject({ exit: 3, sinks: [{ ok: false }] })
        expect(failed.sinks[0]!.error!.what).toMatch(/not enough space|No space left/)
        expect(failed.sinks[0]!.error!.hint).toMatch(/free some disk space/)
        expect((await cursorOf(site)).cursor).toBe(before.cursor)
        rmSync(join(data, 'filler'))
        expect(await site.ask(['sync'])).toMatchObject({ exit: 0 })
        const db = await engine.connect()
        const rows = await db.rows("SELECT ip FROM nfsen.iocs WHERE ip = '198.51.100.99'")
        await db.close()
        expect(rows).toHaveLength(1)
      } finally {
        await engine.kill()
        execFileSync('umount', ['-l', data])
        await site.close()
      }
    },
    SLOW,
  )
})
