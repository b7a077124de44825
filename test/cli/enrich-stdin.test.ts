/** stdin of `tipline enrich` where the shell puts a file there. */
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KnownLedger } from '../match/ledger.js'
import { commandLine } from './cli.js'

const HIT = '{"source.ip":"192.0.2.1"}'
const MISS = '{"source.ip":"192.0.2.200"}'
const MANY = 60_000

let ledger: KnownLedger
let folder: string
let lines: string[]
let logs: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-stdin-'))
  ledger = new KnownLedger()
  ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
  lines = Array.from({ length: MANY }, (_, n) => (n % 5000 === 0 ? HIT : `{"n":${n}}`))
  logs = join(folder, 'logs.json')
  writeFileSync(logs, `${lines.join('\n')}\n`)
})

afterAll(() => {
  ledger.close()
  rmSync(folder, { recursive: true })
})

/** With `path` as stdin, of which `skipped` bytes have been read. */
function enrich(path: string, args: readonly string[], skipped = 0) {
  const [node, ...all] = commandLine(['enrich', '--data-dir', ledger.folder, ...args])
  const stdin = openSync(path, 'r')
  if (skipped > 0) readSync(stdin, Buffer.alloc(skipped), 0, skipped, null)
  const { status, stdout, stderr } = spawnSync(node!, all, {
    stdio: [stdin, 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  closeSync(stdin)
  return { status, stdout, stderr }
}

function bare(text: string): string {
  return text.replace(/,"threat":\{"enrichments":\[.*?\]\}(?=\})/g, '')
}

describe('stdin that is a file', () => {
  it.each(['1', '2'])('is read as the file is (threads: %s)', (threads) => {
    const args = ['--threads', threads, '--stats', '--json']
    const { status, stdout, stderr } = enrich(logs, args)
    expect(status).toBe(0)
    expect(bare(stdout) === `${lines.join('\n')}\n`).toBe(true)
    expect(JSON.parse(stderr)).toMatchObject({ lines: MANY, hit_lines: MANY / 5000 })
  })

  it('begins where whoever had it before us stopped', () => {
    const skipped = lines.slice(0, 20_000).join('\n').length + 1
    const { stdout } = enrich(logs, ['--threads', '2'], skipped)
    expect(bare(stdout) === `${lines.slice(20_000).join('\n')}\n`).toBe(true)
    // Also in the middle of a line, and at the end.
    expect(enrich(logs, [], skipped + 3).stdout.slice(0, 8)).toBe(lines[20_000]!.slice(3, 11))
    const all = lines.join('\n').length + 1
    expect(enrich(logs, ['--stats', '--json'], all)).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringContaining('"lines": 0'),
    })
  })

  it('may be read by a shell before', () => {
    const command = `{ read -r first; read -r second; ${commandLine([]).join(' ')} enrich --data-dir ${ledger.folder}; } < ${logs}`
    const stdout = execFileSync('bash', ['-c', command], { encoding: 'utf8', maxBuffer: 1 << 26 })
    expect(bare(stdout) === `${lines.slice(2).join('\n')}\n`).toBe(true)
  })

  it('may be packed, empty, or named beside other files, once', () => {
    const packed = join(folder, 'logs.json.gz')
    writeFileSync(packed, gzipSync(`${HIT}\n${MISS}\n`))
    expect(bare(enrich(packed, []).stdout)).toBe(`${HIT}\n${MISS}\n`)
    const empty = join(folder, 'empty.json')
    writeFileSync(empty, '')
    expect(enrich(empty, [])).toEqual({ status: 0, stdout: '', stderr: '' })
    const short = join(folder, 'short.json')
    writeFileSync(short, MISS)
    const beside = enrich(short, ['-', packed, '-'])
    expect(bare(beside.stdout)).toBe(`${MISS}\n${HIT}\n${MISS}\n`)
  })
})
