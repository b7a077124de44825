import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import type { ChildOptions } from '../../src/clickhouse/embedded/child-options.js'
import { ClickHouseError } from '../../src/errors.js'
import { hasEngine, PROGRAM, TestEngine } from './engine.js'

const PASSWORD = 'a password for readers'

describe.skipIf(!hasEngine())('the embedded engine', () => {
  let engine: TestEngine
  let db: ClickHouse

  beforeAll(async () => {
    engine = await TestEngine.start({ listen: { host: '127.0.0.1', port: 0 }, password: PASSWORD })
    db = await engine.connect()
    await db.command(
      'CREATE TABLE t (a UInt64, b String, c UInt8 DEFAULT 7) ENGINE = MergeTree ORDER BY a',
    )
  })
  afterAll(async () => {
    await db?.close()
    await engine?.close()
  })

  interface Answered {
    readonly status: number
    readonly headers: Readonly<Record<string, unknown>>
    readonly body: string
  }

  function ask(path: string, body: string | Buffer = '', options: RequestOptions = {}) {
    return new Promise<Answered>((resolve, reject) => {
      const asked = request(
        { socketPath: engine.address.socket, path, method: 'POST', agent: false, ...options },
        (answer) => {
          text(answer).then(
            (body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }),
            reject,
          )
        },
      )
      asked.once('error', reject)
      asked.end(body)
    })
  }

  function askAsReader(sql: string, user = 'reader', password = PASSWORD) {
    const { hostname, port } = new URL(engine.address.readers!)
    return ask('/', sql, { socketPath: undefined, hostname, port, auth: `${user}:${password}` })
  }

  const count = async () => Number((await db.row<{ n: string }>('SELECT count() AS n FROM t')).n)

  describe('as a ClickHouse', () => {
    it.each([
      ['a text', 'String', `it's "a" \\ back\\nslash\n\t\u{1f600}`],
      ['a list', 'Array(String)', ["a'b", 'c\\d', '\n']],
      ['a number', 'UInt32', 42],
    ])('binds %s as it is', async (_, type, value) => {
      const row = await db.row<{ v: unknown }>(`SELECT {p:${type}} AS v`, { params: { p: value } })
      expect(row.v).toEqual(value)
    })

    it('streams an answer of any size', async () => {
      let sum = 0
      const rows = db.stream<{ n: number }>('SELECT toUInt32(number) AS n FROM numbers(2000000)')
      for await (const { n } of rows) sum += n
      expect(sum).toBe((2_000_000 * 1_999_999) / 2)
    })

    it('answers other formats whole', async () => {
      const { body, headers } = await ask('/?default_format=JSON', 'SELECT 1 AS a')
      expect(JSON.parse(body)).toMatchObject({ data: [{ a: 1 }], rows: 1 })
      expect(headers['x-clickhouse-summary']).toBeDefined()
    })

    it('takes the format of the statement before that of the request', async () => {
      expect((await ask('/?default_format=JSON', 'SELECT 1, 2 FORMAT CSV')).body).toBe('1,2\n')
    })

    it.each([1, 1000, 300_000])('inserts %i rows, with defaults', async (rows) => {
      await db.command('TRUNCATE TABLE t')
      const values = Array.from({ length: rows }, (_, n) => [n, `it's ${n}`])
      await db.insert({ table: 't', columns: ['a', 'b'], rows: values })
      const sums = await db.row<{ n: string; c: string }>(
        "SELECT count() AS n, sum(c) AS c FROM t WHERE b = concat('it\\'s ', toString(a))",
      )
      expect(sums).toEqual({ n: String(rows), c: String(7 * rows) })
    })

    it('takes data that is zipped', async () => {
      await db.command('TRUNCATE TABLE t')
      const data = gzipSync(Array.from({ length: 200_000 }, (_, n) => `${n},x`).join('\n'))
      const headers = { 'Content-Encoding': 'gzip' }
      const path = `/?query=${encodeURIComponent('INSERT INTO t (a, b) FORMAT CSV')}`
      expect(await ask(path, data, { headers })).toMatchObject({ status: 200 })
      expect(await count()).toBe(200_000)
    })

    it.each([
      ['plain', {}],
      ['zipped', { 'Content-Encoding': 'gzip' }],
    ])(
      'takes all of %s data that it has no use for, so that its sender can go on',
      async (_, headers) => {
        const path = `/?query=${encodeURIComponent('INSERT INTO nosuch FORMAT CSV')}`
        const data = gzipSync(randomBytes(8_000_000), { level: 0 })
        const asked = request({ socketPath: engine.address.socket, path, method: 'POST', headers })
        const gone = once(asked, 'close')
        asked.end(data)
        const [answer] = (await once(asked, 'response')) as [IncomingMessage]
        expect(answer.statusCode).toBe(404)
        answer.resume()
        await gone
        expect(asked.writableFinished).toBe(true)
      },
    )

    it('takes data and statement in one body', async () => {
      await db.command('TRUNCATE TABLE t')
      await ask('/', "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')")
      await ask('/', 'INSERT INTO t (a, b) FORMAT CSV\n3,"z"\n')
      expect(await count()).toBe(3)
    })

    it('says what is wrong as ClickHouse does', async () => {
      const answer = await ask('/', 'SELECT nosuch')
      expect(answer.status).toBe(404)
      expect(answer.headers['x-clickhouse-exception-code']).toBe('47')
      await expect(db.rows('SELECT * FROM nosuch')).rejects.toMatchObject({
        fault: 'missing',
        code: 60,
      })
    })

    it.each([10, 300_000])('refuses %i rows for a table that is not there', async (rows) => {
      const values = Array.from({ length: rows }, (_, n) => [n, 'x'])
      const work = db.insert({ table: 'nosuch', columns: ['a', 'b'], rows: values })
      await expect(work).rejects.toBeInstanceOf(ClickHouseError)
    })

    it('refuses rows that do not fit, and none of the block is there', async () => {
      await db.command('TRUNCATE TABLE t')
      const rows = [
        [1, 'x'],
        ['no number', 'y'],
      ]
      await expect(db.insert({ table: 't', columns: ['a', 'b'], rows })).rejects.toBeInstanceOf(
        ClickHouseError,
      )
      expect(await count()).toBe(0)
    })
  })

  describe('sessions', () => {
    it('keeps no setting from one statement to the next', async () => {
      await db.command('TRUNCATE TABLE t')
      const settings = { insert_deduplication_token: 'leaked', max_threads: 1 }
      for (let n = 0; n < 20; n++) {
        await db.insert({ table: 't', columns: ['a', 'b'], rows: [[n, 'x']], settings })
      }
      const asked = "SELECT getSetting('insert_deduplication_token') AS token"
      expect(await db.row(asked)).toEqual({ token: '' })
      await db.insert({ table: 't', columns: ['a', 'b'], rows: [[99, 'y']] })
      expect(await count()).toBeGreaterThan(1)
    })

    it('keeps the values of statements apart that run at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          db.row<{ v: number }>('SELECT {n:UInt32} AS v, sleep(0.01) AS s', { params: { n } }),
        ),
      )
      expect(answers.map(({ v }) => v)).toEqual(Array.from({ length: 60 }, (_, n) => n))
    })

    it('answers beside a slow statement, and stops that one when nobody waits for it', async () => {
      const stop = new AbortController()
      const slow = db.rows('SELECT count() FROM numbers(1e12) WHERE sipHash64(number) = 1', {
        signal: stop.signal,
      })
      await sleep(200)
      expect(await db.row('SELECT 1 AS a')).toEqual({ a: 1 })
      stop.abort(new Error('enough'))
      await expect(slow).rejects.toThrow('enough')
      await expect.poll(() => processes(), { timeout: 10_000 }).toBe(1)
    })

    it('answers while it still plans another statement', async () => {
      // ClickHouse runs what stands in brackets while it plans.
      const slow = db.rows('SELECT (SELECT sleep(3)) AS slept').then(() => 'slow')
      await sleep(200)
      const quick = db.rows('SELECT 1').then(() => 'quick')
      expect(await Promise.race([slow, quick])).toBe('quick')
      await slow
    })

    it('tells honestly of what fails in the middle of a whole answer', async () => {
      const sql =
        'SELECT throwIf(number = 5000000) FROM numbers(10000000) SETTINGS max_block_size = 1000'
      const path = '/?default_format=JSONEachRow'
      expect((await ask(`${path}&wait_end_of_query=1`, sql)).status).toBe(500)
    })

    it('stores nothing of an insert whose client goes away in the middle', async () => {
      await db.command('TRUNCATE TABLE t')
      const stop = new AbortController()
      async function* rows() {
        for (let n = 0; n < 200_000; n++) yield [n, 'x'.repeat(20)]
        stop.abort(new Error('gone'))
        await sleep(10_000, undefined, { ref: false })
      }
      const settings = {
        max_insert_block_size: '100000000',
        min_insert_block_size_rows: '100000000',
        min_insert_block_size_bytes: '10000000000',
      }
      const work = db.insert({
        table: 't',
        columns: ['a', 'b'],
        rows: rows(),
        settings,
        signal: stop.signal,
      })
      await expect(work).rejects.toThrow('gone')
      await expect.poll(() => processes(), { timeout: 10_000 }).toBe(1)
      expect(await count()).toBe(0)
    })

    const processes = async () =>
      Number((await db.row<{ n: string }>('SELECT count() AS n FROM system.processes')).n)
  })

  describe('readers', () => {
    it('may read', async () => {
      expect(await askAsReader('SELECT 1 AS a FORMAT CSV')).toMatchObject({
        status: 200,
        body: '1\n',
      })
    })

    it.each([
      'INSERT INTO t (a) VALUES (1)',
      'DROP TABLE t',
      'CREATE TABLE x (a UInt8) ENGINE = Memory',
      'SET readonly = 0',
      'SELECT 1 SETTINGS readonly = 0',
      'SYSTEM RELOAD DICTIONARIES',
      'KILL QUERY WHERE 1',
      "SELECT * FROM file('/etc/passwd', LineAsString)",
      "SELECT file('/etc/passwd')",
      "SELECT FILE /* x */ ('/etc/passwd')",
      "SELECT `file`('/etc/passwd')",
      "SELECT `f\\x69le`('/etc/passwd')",
      "SELECT 1 AS x$a$, file('/etc/passwd') AS y$a$",
      "SELECT ‘ ' ’, file('/etc/passwd') AS `'`",
      "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
      "SELECT 1 INTO OUTFILE '/tmp/tipline-outfile'",
      'SELECT 1; DROP TABLE t',
    ])('may not: %s', async (sql) => {
      const before = await count()
      const { status, body } = await askAsReader(sql)
      expect(body).not.toContain('root:')
      expect(status).toBeGreaterThanOrEqual(400)
      expect(await count()).toBe(before)
      expect(existsSync('/tmp/tipline-outfile')).toBe(false)
    })

    it('are let in with the right name and password only', async () => {
      expect((await askAsReader('SELECT 1', 'default', '')).status).toBe(401)
      expect((await askAsReader('SELECT 1', 'reader', 'another')).status).toBe(401)
    })

    it('are no web pages', async () => {
      const { hostname, port } = new URL(engine.address.readers!)
      const headers = { Origin: 'http://example.test' }
      const options = { socketPath: undefined, hostname, port, auth: `reader:${PASSWORD}`, headers }
      expect((await ask('/', 'SELECT 1', options)).status).toBe(401)
    })
  })

  it('changes nothing for a GET', async () => {
    const path = `/?query=${encodeURIComponent('DROP TABLE t')}`
    expect((await ask(path, '', { method: 'GET' })).status).toBe(403)
  })

  it('pours data that has a format', async () => {
    await db.command('TRUNCATE TABLE t')
    const data = Readable.from(['1,x\n', '2,y\n'])
    await db.pour({ query: 'INSERT INTO t (a, b) FORMAT CSV', data })
    expect(await count()).toBe(2)
  })
})

describe.skipIf(!hasEngine())('readers without a password', () => {
  let engine: TestEngine
  beforeAll(async () => {
    engine = await TestEngine.start({ listen: { host: '127.0.0.1', port: 0 } })
  })
  afterAll(() => engine?.close())

  function ask(sql: string, host: string): Promise<{ status: number; body: string }> {
    const { hostname, port } = new URL(engine.address.readers!)
    const to = { hostname, port, method: 'POST', headers: { Host: host }, agent: false }
    return new Promise((resolve, reject) => {
      const asked = request(to, (answer) => {
        text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject)
      })
      asked.once('error', reject)
      asked.end(sql)
    })
  }

  it('may read on loopback, and change nothing', async () => {
    expect(await ask('SELECT 1', 'localhost:8123')).toEqual({ status: 200, body: '1\n' })
    expect(await ask('SELECT 1', '[::1]')).toMatchObject({ status: 200 })
    expect(await ask('CREATE TABLE x (a UInt8) ENGINE = Memory', 'localhost')).toMatchObject({
      status: 403,
    })
  })

  it('are not answered under a name that somebody else may have given this machine', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '192.0.2.1']) {
      expect(await ask('SELECT 1', host)).toMatchObject({ status: 401 })
    }
  })
})

describe.skipIf(!hasEngine())('the life of the engine', () => {
  it('is one for all who ask at once, and loses nothing in a crash', async () => {
    const engine = await TestEngine.start()
    try {
      const { pid } = engine.address
      await Promise.all([engine.restart(), engine.restart()])
      expect(engine.address.pid).toBe(pid)
      const before = await engine.connect()
      await before.command('CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a')
      await before.insert({ table: 't', columns: ['a'], rows: [[1], [2]] })
      await engine.kill()
      await expect(before.rows('SELECT 1')).rejects.toMatchObject({ fault: 'unreachable' })
      await before.close()
      await Promise.all([engine.restart(), engine.restart()])
      const after = await engine.connect()
      expect(await after.row('SELECT count() AS n FROM t')).toEqual({ n: '2' })
      await after.close()
    } finally {
      await engine.close()
    }
  })

  it('writes nothing that others on the machine could read', async () => {
    const engine = await TestEngine.start()
    try {
      const names = readdirSync(engine.dataDir)
      expect(names).toEqual(expect.arrayContaining(['engine.data', 'engine.warnings.log']))
      for (const name of names) {
        expect([name, statSync(join(engine.dataDir, name)).mode & 0o077]).toEqual([name, 0])
      }
    } finally {
      await engine.close()
    }
  })

  it('goes when nobody has asked for a while, and comes again', async () => {
    const engine = await TestEngine.start({ idleMs: 300 })
    try {
      await expect.poll(() => engine.isRunning(), { timeout: 10_000 }).toBe(false)
      await engine.restart()
      const db = await engine.connect()
      expect(await db.row('SELECT 1 AS a')).toEqual({ a: 1 })
      await db.close()
    } finally {
      await engine.close()
    }
  })

  it('listens elsewhere where the path is too long for a socket, and leaves nothing there', async () => {
    const top = mkdtempSync(join(tmpdir(), 'tipline-engine-'))
    const engine = TestEngine.at(join(top, 'long'.repeat(30)))
    try {
      await engine.restart()
      const folder = dirname(engine.address.socket)
      expect(dirname(folder)).toBe(tmpdir())
      const db = await engine.connect()
      expect(await db.row('SELECT 1 AS a')).toEqual({ a: 1 })
      await db.close()
      process.kill(engine.address.pid, 'SIGTERM')
      await expect.poll(() => existsSync(folder)).toBe(false)
    } finally {
      await engine.close()
      rmSync(top, { recursive: true, force: true })
    }
  })

  it.runIf(process.platform === 'linux')('ends where no folder can be made', () => {
    const engine = { dataDir: '/proc/a/b', listen: null, password: '', idleMs: 60_000 }
    const options: ChildOptions = { ...engine, settings: '' }
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM], {
      input: JSON.stringify(options),
      encoding: 'utf8',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    })
    expect([status, stderr]).toEqual([1, expect.stringContaining('ENOENT')])
  })
})
