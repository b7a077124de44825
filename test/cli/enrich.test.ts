import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  createWriteStream,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KnownLedger } from '../match/ledger.js'
import { commandLine, Running, tipline } from './cli.js'

let ledger: KnownLedger
let folder: string

const HIT = '{"source.ip":"192.0.2.1"}'
const MISS = '{ "source.ip":"192.0.2.200" }'

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-enrich-'))
  ledger = new KnownLedger()
  ledger.pull('e1', [
    { type: 'ip-dst', value: '192.0.2.1' },
    { type: 'domain', value: 'evil.example' },
  ])
})

afterAll(() => {
  ledger.close()
  rmSync(folder, { recursive: true })
})

function enrich(args: readonly string[], input?: string) {
  const all = ['enrich', '--data-dir', ledger.folder, ...args]
  return tipline(all, { cwd: folder, ...(input !== undefined && { input }) })
}

function file(name: string, bytes: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

/** Lines with what was added cut off again. */
function bare(text: string): string {
  return text.replace(/,"threat":\{"enrichments":\[.*?\]\}(?=\})/g, '')
}

describe('tipline enrich', () => {
  it('passes everything on in order, byte for byte, but what was added (M25)', async () => {
    const input = [MISS, HIT, 'no JSON \xff', '', `${HIT}\r`, '[1]', `\ufeff${MISS}`, MISS].join(
      '\n',
    )
    for (const threads of ['1', '3']) {
      const { status, stdout, stderr } = await enrich(['--threads', threads], input)
      expect([status, stderr]).toEqual([0, ''])
      expect(bare(stdout)).toBe(input)
      expect(stdout.match(/"threat"/g)).toHaveLength(2)
    }
  })

  it('mixes nothing up in memory that is used again, however many threads (M25)', async () => {
    const lines = Array.from({ length: 100_000 }, (_, n) =>
      n % 9000 === 0 ? HIT : `{"n":${n},"pad":"${'x'.repeat(n % 300)}"}`,
    )
    const text = `${lines.join('\n')}\n`
    const plain = file('large.json', text)
    const packed = file('large.json.gz', gzipSync(text, { level: 1 }))
    for (const threads of ['1', '2', '3']) {
      for (const input of [plain, packed]) {
        const { stdout } = await enrich(['--threads', threads, input])
        expect(stdout.match(/"threat"/g)).toHaveLength(12)
        expect(bare(stdout) === text).toBe(true)
      }
    }
  })

  it('reads gzip and zstd as they are, and several files', async () => {
    const zipped = gzipSync(`${HIT}\n`)
    const plain = file('a.json', HIT)
    const gz = file('b.json.gz', Buffer.concat([zipped, zipped]))
    const zst = file('c.json.zst', Buffer.from(ZSTD, 'base64'))
    const { status, stdout, stderr } = await enrich(['--only-hits', plain, gz, zst])
    expect([status, stderr]).toEqual([0, ''])
    expect(bare(stdout)).toBe(`${HIT}\n`.repeat(4))
    const all = await enrich([plain, plain])
    expect(bare(all.stdout)).toBe(`${HIT}\n${HIT}`)
  })

  it('a line that is longer than the ranges of a file stands between them', async () => {
    const long = `{"a":"${'x'.repeat(1 << 20)}","source.ip":"192.0.2.1"}`
    const wide = `{"a":"${'x'.repeat(100_000)}","source.ip":"192.0.2.1"}`
    const some = Array.from({ length: 9000 }, (_, n) => `{"n":${n},"pad":"${'x'.repeat(150)}"}`)
    const lines = [...some, wide, ...some, long, wide, ...some, HIT]
    const mixed = file('mixed.json', lines.join('\n'))
    for (const threads of ['1', '2']) {
      const args = ['--threads', threads, '--stats', '--json', mixed]
      const { stdout, stderr } = await enrich(args)
      expect(bare(stdout) === lines.join('\n')).toBe(true)
      expect(JSON.parse(stderr)).toMatchObject({
        lines: lines.length,
        bytes: Buffer.byteLength(lines.join('\n')),
        hit_lines: 3,
        too_long: 1,
      })
    }
  })

  it('records from every thread what it hits, once', async () => {
    const own = new KnownLedger()
    own.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
    const lines = Array.from({ length: 20_000 }, (_, n) =>
      n % 100 === 0
        ? `{"n":${n},"source.ip":"192.0.2.1"}`
        : `{"n":${n},"pad":"${'x'.repeat(150)}"}`,
    )
    const logs = file('recorded.json', `${lines.join('\n')}\n`)
    const recorded = async (threads: string) => {
      const options = ['--record', '--stats', '--json', '--threads', threads]
      const { stderr } = await enrich(['--data-dir', own.folder, ...options, logs])
      return JSON.parse(stderr) as object
    }
    expect(await recorded('3')).toMatchObject({ hit_lines: 200, recorded: 200 })
    expect(await recorded('1')).toMatchObject({ recorded: 0, recorded_before: 200 })
    own.close()
  })

  it('says when a packed file is cut, after what came before', async () => {
    const lines = Array.from({ length: 5000 }, (_, n) => `{"n":${n * 7919}}`).join('\n')
    const cut = file('cut.gz', gzipSync(lines).subarray(0, -100))
    const { status, stdout, stderr } = await enrich([cut])
    expect(status).toBe(3)
    expect(stderr).toContain("cut.gz can't be unpacked to its end")
    expect(lines.startsWith(stdout)).toBe(true)
  })

  it('--hits writes them aside, --legacy as the old script, --stats counts', async () => {
    const hits = join(folder, 'hits.json')
    const args = ['--hits', hits, '--legacy', '--stats', '--json']
    const { stdout, stderr } = await enrich(args, `${MISS}\n${HIT}\nodd\n\n`)
    expect(stdout.split('\n')).toHaveLength(5)
    const aside = readFileSync(hits, 'utf8')
    expect(stdout).toContain(aside)
    expect(JSON.parse(aside)).toMatchObject({ misp: { event_id: ['1'], type: ['ip-dst'] } })
    expect(JSON.parse(stderr)).toMatchObject({ lines: 3, hit_lines: 1, hits: 1, not_json: 1 })
  })

  it('a line over the limit passes through untouched and is counted', async () => {
    const long = `{"source.ip":"192.0.2.1","a":"${'x'.repeat(1 << 20)}"}`
    const { stdout, stderr } = await enrich(['--stats', '--json'], `${long}\n${HIT}\n`)
    expect(bare(stdout) === `${long}\n${HIT}\n`).toBe(true)
    expect(JSON.parse(stderr)).toMatchObject({ lines: 2, hit_lines: 1, too_long: 1 })
  })

  it("--fields takes fields of one's own", async () => {
    const own = file(
      'fields.yml',
      'fields:\n  peer: { as: source.ip, port: peer_port }\n  what: domain\n',
    )
    const lines = '{"peer":"192.0.2.1"}\n{"what":"a.evil.example"}\n{"source.ip":"192.0.2.1"}\n'
    const alone = await enrich(['--only-hits', '--fields', own], lines)
    expect(alone.stdout.trim().split('\n')).toHaveLength(2)
    const beside = await enrich(['--only-hits', '--fields', own, '--preset', 'ecs'], lines)
    expect(beside.stdout.trim().split('\n')).toHaveLength(3)
    const wrong = await enrich(['--fields', file('wrong.yml', 'fields: { a: sorcery }')], '')
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toContain('a: "sorcery" is neither a field of ECS nor a kind of indicator')
  })

  it('a file of fields that names none is told, and a folder in the place of a file', async () => {
    const empty = await enrich(['--fields', file('empty.yml', '# later\n')], HIT)
    expect(empty).toMatchObject({ status: 2, stdout: '' })
    expect(empty.stderr).toContain('it names no field and no preset')
    const mistyped = await enrich(['--fields', file('typo.yml', 'fileds: { a: domain }\n')], HIT)
    expect(mistyped.status).toBe(2)
    expect(mistyped.stderr).toContain('Unrecognized key: "fileds"')
    const ofFolder = await enrich([folder])
    expect(ofFolder.status).toBe(2)
    expect(ofFolder.stderr).toContain('is a folder\n  hint: name the files in it')
  })

  it.each([
    ['the lines', []],
    ['the hits', ['--hits', '/dev/full', '--only-hits']],
  ])('a full disk is told, where it should hold %s', async (_, options) => {
    const words = commandLine(['enrich', '--data-dir', ledger.folder, ...options])
    const out = options.length > 0 ? '/dev/null' : '/dev/full'
    const shell = spawn('sh', ['-c', `"$@" > ${out}`, 'sh', ...words, file('hit.json', HIT)])
    let told = ''
    shell.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
    const [status] = await once(shell, 'close')
    expect(status).toBe(3)
    expect(told).toBe('tipline: ENOSPC: no space left on device, write\n  hint: the disk is full\n')
  })

  it('the hits never go into a log that is read', async () => {
    const log = file('log.json', HIT)
    for (const words of [`enrich --hits ${log} ${log}`, `enrich --hits ${log} < ${log}`]) {
      const [node, main] = commandLine([])
      const shell = spawn('sh', ['-c', `${node} ${main} ${words} --data-dir ${ledger.folder}`])
      shell.stdin.end()
      const [status] = await once(shell, 'close')
      expect([status, readFileSync(log, 'utf8')]).toEqual([2, HIT])
    }
  })

  it('a place for hits that can not be is told before a line goes out', async () => {
    for (const lines of [MISS, HIT]) {
      const ran = await enrich(['--hits', join(folder, 'none/hits.json')], lines)
      expect(ran).toMatchObject({ status: 3, stdout: '' })
      expect(ran.stderr).toContain('ENOENT')
    }
  })

  it.each([
    [['none.json'], 'the file none.json does not exist'],
    [['--fields', 'none.yml'], "the fields in none.yml can't be used: can't be read (ENOENT)"],
  ])('a file that is not there is wrong use: %j', async (args, what) => {
    const { status, stderr } = await enrich(args, MISS)
    expect(status).toBe(2)
    expect(stderr).toContain(what)
  })

  it('needs no key of the MISP in its config, and links as that says', async () => {
    const key = `$${'{MISP_KEY}'}`
    const source = `{ name: main, url: "https://misp.example", link: "https://look.example/", key: "${key}" }`
    const config = file('tipline.yml', `data_dir: ${ledger.folder}/\nsources:\n  - ${source}\n`)
    const { status, stdout } = await tipline(['enrich', '-c', config], { input: HIT })
    expect(status).toBe(0)
    expect(stdout).toContain('"reference":"https://look.example/events/view/1"')
    const wrong = source.replace('url', 'ulr').replace('link', 'lnik')
    const mistyped = file('typo.yml', `data_dir: ${ledger.folder}/\nsources:\n  - ${wrong}\n`)
    expect((await tipline(['enrich', '-c', mistyped], { input: HIT })).status).toBe(2)
  })

  it('--explain-fields says what would be looked up', async () => {
    const sample = '{"dns":{"question":{"name":"a.example"}},"message":"x"}\n'
    const { status, stdout } = await enrich(['--explain-fields', '--json'], sample)
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      lines: 1,
      fields: [{ field: 'dns.question.name', values: 1, example: 'a.example' }],
      not_looked_up: ['message'],
    })
    expect((await enrich(['--explain-fields', '--preset', 'zeek'], sample)).status).toBe(1)
  })

  it.each(['plain', 'gzip'])(
    '--explain-fields has enough of a sample that goes on (%s)',
    async (how) => {
      const running = new Running(
        ['enrich', '--data-dir', ledger.folder, '--explain-fields', '--json'],
        {
          keepOpen: true,
        },
      )
      // Whoever sends it finds nobody there any more.
      running.child.stdin!.on('error', () => undefined)
      const lines = `${MISS}\n`.repeat(20_000)
      running.child.stdin!.write(how === 'plain' ? lines : gzipSync(lines))
      const { status, stdout } = await running.end()
      expect(status).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ lines: 10_000 })
    },
  )

  it('answers each line as it comes, and follows the ledger', async () => {
    const running = new Running(['enrich', '--data-dir', ledger.folder], { keepOpen: true })
    const line = '{"source.ip":"192.0.2.99"}\n'
    running.child.stdin!.write(line)
    await until(() => running.stdout.length >= line.length)
    expect(running.stdout).toBe(line)
    ledger.pull('e9', [{ type: 'ip-dst', value: '192.0.2.99' }])
    await sleep(1200)
    running.child.stdin!.end(line)
    const { status, stdout } = await running.end()
    expect(status).toBe(0)
    expect(stdout.slice(line.length)).toContain('"threat"')
  })

  it('every thread follows the ledger (M17, M18)', async () => {
    const own = new KnownLedger()
    own.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
    const args = ['enrich', '--data-dir', own.folder, '--threads', '2']
    const running = new Running(args, { keepOpen: true })
    // More at once than the other thread is given ahead, so that both have a part in it.
    const line = `{"dns.question.name":"a.new.example","pad":"${'x'.repeat(100)}"}`
    const count = 5000
    const share = async () => {
      running.stdout = ''
      running.child.stdin!.write(`${line}\n`.repeat(count))
      const lines = () => running.stdout.split('\n')
      await expect.poll(() => lines().length).toBe(count + 1)
      return lines().filter((each) => each.includes('"threat"')).length / count
    }
    expect(await share()).toBe(0)
    own.pull('e2', [{ type: 'domain', value: 'new.example' }])
    await expect.poll(share, { timeout: 60_000 }).toBe(1)
    own.pull('e2', [])
    await expect.poll(share, { timeout: 60_000 }).toBe(0)
    running.child.stdin!.end()
    expect((await running.end()).status).toBe(0)
    own.close()
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends it, also where nobody reads', async (signal) => {
    const idle = new Running(['enrich', '--data-dir', ledger.folder], { keepOpen: true })
    idle.child.stdin!.write(`${HIT}\n`)
    await until(() => idle.stdout.includes('threat'))
    idle.child.kill(signal)
    expect((await idle.end()).status).toBe(signal === 'SIGTERM' ? 143 : 130)
    const stalled = new Running(['enrich', '--data-dir', ledger.folder], { keepOpen: true })
    stalled.child.stdout!.pause()
    stalled.child.stdin!.on('error', () => undefined)
    for (let n = 0; n < 40; n += 1) stalled.child.stdin!.write(`${MISS}\n`.repeat(10_000))
    const unread = () => stalled.child.stdin!.writableLength
    const all = unread()
    await until(() => unread() < all)
    for (let before = 0; before !== unread(); await sleep(500)) before = unread()
    stalled.child.kill(signal)
    const [status] = await once(stalled.child, 'exit')
    expect(status).toBe(signal === 'SIGTERM' ? 143 : 130)
  })

  it('can be stopped while a pipe has nothing for it', async () => {
    const pipe = pipeNamed('logs.pipe')
    const running = new Running(['enrich', '--data-dir', ledger.folder, pipe])
    const writer = createWriteStream(pipe)
    writer.write(`${HIT}\n`)
    await until(() => running.stdout.includes('threat'))
    running.child.kill('SIGINT')
    expect((await running.end()).status).toBe(130)
    writer.destroy()
  })

  it.runIf(process.platform === 'linux')('waits for who writes a log into a pipe', async () => {
    const pipe = pipeNamed('early.pipe')
    const args = ['enrich', '--data-dir', ledger.folder, '--stats', pipe]
    const stopped = new Running([...args, file('none-yet.json', MISS)])
    await opened(stopped, pipe)
    stopped.child.kill('SIGINT')
    expect(await stopped.end()).toMatchObject({ status: 130, stdout: '' })
    const waiting = new Running(args)
    await opened(waiting, pipe)
    execFileSync('sh', ['-c', 'echo "$1" > "$2"', 'sh', HIT, pipe])
    const { status, stdout } = await waiting.end()
    expect([status, bare(stdout)]).toEqual([0, `${HIT}\n`])
  })

  describe('with a pipe for the hits', () => {
    const withHits = (pipe: string) =>
      new Running(['enrich', '--data-dir', ledger.folder, '--hits', pipe], { keepOpen: true })

    it.each(['SIGTERM', 'SIGINT'] as const)(
      '%s ends it where nobody reads them',
      async (signal) => {
        const running = withHits(pipeNamed(`${signal}.pipe`))
        running.child.stdin!.write(`${HIT}\n`)
        // Long enough to be waiting for the reader; whenever it comes, one signal must do.
        await sleep(1500)
        expect(running.child.exitCode).toBeNull()
        running.child.kill(signal)
        const { status, stdout } = await running.end()
        expect([status, stdout]).toEqual([signal === 'SIGTERM' ? 143 : 130, ''])
      },
    )

    it('gives them to whoever comes later', async () => {
      const pipe = pipeNamed('later.pipe')
      const running = withHits(pipe)
      running.child.stdin!.end(`${MISS}\n${HIT}\n`.repeat(20_000))
      await sleep(1500)
      expect(running.stdout).toBe('')
      const hits = await textOf(openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK))
      const { status, stdout } = await running.end()
      expect(status).toBe(0)
      expect(hits === stdout.replaceAll(`${MISS}\n`, '')).toBe(true)
      expect(bare(hits) === `${HIT}\n`.repeat(20_000)).toBe(true)
    })

    it('waits for one that is slow, and not when it is told to go', async () => {
      const pipe = pipeNamed('slow.pipe')
      const running = withHits(pipe)
      const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
      const { stdin } = running.child
      stdin!.on('error', () => undefined)
      stdin!.write(`${HIT}\n`.repeat(700_000))
      await until(() => running.stdout !== '')
      let told = -1
      for (; told !== running.stdout.length; await sleep(500)) told = running.stdout.length
      expect(stdin!.writableNeedDrain).toBe(true)
      running.child.kill('SIGTERM')
      expect((await running.end()).status).toBe(143)
      closeSync(reader)
    })

    it('goes when its reader goes, which is no failure', async () => {
      const pipe = pipeNamed('gone.pipe')
      const running = withHits(pipe)
      running.child.stdin!.on('error', () => undefined)
      running.child.stdin!.end(`${HIT}\n`.repeat(100_000))
      const [status] = await once(spawn('head', ['-n', '1', pipe]), 'exit')
      expect(status).toBe(0)
      expect(await running.end()).toMatchObject({ status: 0, stderr: '' })
    })
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends it in the middle of a file', async (signal) => {
    const many = file('stalled.json', `${HIT}\n`.repeat(400_000))
    const args = ['enrich', '--data-dir', ledger.folder, '--threads', '2', many]
    const running = new Running(args)
    running.child.stdout!.pause()
    await until(() => running.child.stdout!.readableLength > 0)
    running.child.kill(signal)
    const [status] = await once(running.child, 'exit')
    expect(status).toBe(signal === 'SIGTERM' ? 143 : 130)
  })

  it.each(['1', '2'])('a reader that goes is no failure (threads: %s)', async (threads) => {
    const main = join(import.meta.dirname, '../../.build/src/cli/main.js')
    const many = file('many.json', `${MISS}\n`.repeat(200_000))
    const command = `${process.execPath} ${main} enrich --data-dir ${ledger.folder} --threads ${threads} ${many}`
    const shell = spawn('bash', ['-c', `set -o pipefail; ${command} | head -1`])
    let told = ''
    shell.stderr.on('data', (text) => {
      told += text
    })
    const [status] = await once(shell, 'close')
    expect([status, told]).toEqual([0, ''])
  })

  it('keeps to the memory that it has, however slow the reader', async () => {
    const running = new Running(['enrich', '--data-dir', ledger.folder, '--threads', '2'], {
      keepOpen: true,
    })
    running.child.stdout!.pause()
    const { stdin, stdout } = running.child
    // Twenty megabytes: neither end takes more than pipes and a few blocks hold.
    stdin!.write(`${MISS}\n`.repeat(700_000))
    await sleep(1500)
    expect(stdin!.writableNeedDrain).toBe(true)
    stdout!.resume()
    stdin!.end()
    expect((await running.end()).status).toBe(0)
  })
})

function pipeNamed(name: string): string {
  const pipe = join(folder, name)
  execFileSync('mkfifo', [pipe])
  return pipe
}

/** Linux tells what a process has open. */
async function opened({ child }: Running, path: string): Promise<void> {
  const open = `/proc/${child.pid}/fd`
  await until(() => readdirSync(open).some((fd) => linkOf(`${open}/${fd}`) === path))
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}

/** All that comes out of a pipe. */
function textOf(fd: number): Promise<string> {
  return text(new Socket({ fd, readable: true, writable: false }))
}

async function until(isSo: () => boolean): Promise<void> {
  for (let n = 0; n < 200 && !isSo(); n += 1) await sleep(50)
  expect(isSo()).toBe(true)
}

/** HIT and a line feed. */
const ZSTD = 'KLUv/QRY0QAAeyJzb3VyY2UuaXAiOiIxOTIuMC4yLjEifQoL0akI'
