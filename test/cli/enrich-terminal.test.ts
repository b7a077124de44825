/** `tipline enrich` on a real terminal, which `script` of util-linux makes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KnownLedger } from '../match/ledger.js'
import { endWithUs, hasProgram } from '../servers/program.js'
import { commandLine, tipline } from './cli.js'

const MISS = '{"source.ip":"192.0.2.200"}\n'
const BAR = /[█░]/

let ledger: KnownLedger
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-terminal-'))
  ledger = new KnownLedger()
  ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
})

afterAll(() => {
  ledger.close()
  rmSync(folder, { recursive: true })
})

function logs(name: string): string {
  const path = join(folder, name)
  writeFileSync(path, MISS.repeat(1000))
  return path
}

/** The command on a terminal of its own. `redirected`: what the shell adds, e.g. ` > out`. */
class OnTerminal {
  readonly child: ChildProcess
  told = ''

  constructor(args: readonly string[], redirected: string) {
    const words = commandLine(['enrich', '--data-dir', ledger.folder, ...args])
    const command = `${words.map((word) => `'${word}'`).join(' ')}${redirected}`
    this.child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh' },
    })
    endWithUs(this.child)
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.told += text
    })
  }

  async end(): Promise<number | null> {
    const [status] = (await once(this.child, 'close')) as [number | null]
    return status
  }
}

/** What is left to be read on a terminal that got this; throws on what it does not know. */
function screenOf(told: string): string {
  const lines: string[][] = [[]]
  let column = 0
  const known = /\u001b(?:[78]|\[\?(?:7|25)[hl]|\[(\d*)([GK]))|[\r\n]|[^\u001b]/gu
  let at = 0
  for (const match of told.matchAll(known)) {
    expect(match.index, `what is ${JSON.stringify(told.slice(at, at + 10))}?`).toBe(at)
    at += match[0].length
    const [all, number = '', letter] = match
    const line = lines.at(-1)!
    if (all === '\r') column = 0
    else if (all === '\n') lines.push([])
    else if (letter === 'G') column = Number(number || 1) - 1
    else if (letter === 'K' && number === '2') line.length = 0
    else if (letter === 'K') line.length = Math.min(line.length, column)
    else if (!all.startsWith('\u001b')) line[column++] = all
  }
  expect(at).toBe(told.length)
  return lines.map((line) => Array.from(line, (letter) => letter ?? ' ').join('')).join('\n')
}

describe.skipIf(!hasProgram('script', ['--version'], 'apt-get install bsdutils'))(
  'the progress bar of tipline enrich',
  () => {
    it('is drawn while it works and wiped when it is done', async () => {
      const pipe = join(folder, 'logs.pipe')
      execFileSync('mkfifo', [pipe])
      const out = join(folder, 'out.json')
      const terminal = new OnTerminal([pipe], ` > '${out}'`)
      const writer = createWriteStream(pipe)
      writer.write(MISS.repeat(1000))
      await expect.poll(() => terminal.told).toContain('1,000 lines, 0 with hits')
      expect(terminal.told).toContain('\u001b[?25l')
      writer.end()
      expect(await terminal.end()).toBe(0)
      expect(screenOf(terminal.told).trim()).toBe('')
      expect(terminal.told.lastIndexOf('\u001b[?25h')).toBeGreaterThan(
        terminal.told.lastIndexOf('\u001b[?25l'),
      )
      expect(readFileSync(out, 'utf8') === MISS.repeat(1000)).toBe(true)
    })

    it('shows how much of a file is read', async () => {
      const terminal = new OnTerminal([logs('a.json')], ' > /dev/null')
      expect(await terminal.end()).toBe(0)
      expect(terminal.told).toMatch(BAR)
      expect(screenOf(terminal.told).trim()).toBe('')
    })

    it('leaves the screen to --stats', async () => {
      const terminal = new OnTerminal(['--stats', logs('a.json')], ' > /dev/null')
      expect(await terminal.end()).toBe(0)
      expect(screenOf(terminal.told).trim()).toMatch(
        /^1,000 lines .*\n\r?0 lines with hits, 0 hits$/,
      )
    })

    it('is not drawn where lines go to the terminal', async () => {
      const terminal = new OnTerminal([logs('b.json')], '')
      expect(await terminal.end()).toBe(0)
      expect(terminal.told.replaceAll('\r', '')).toBe(MISS.repeat(1000))
    })

    it('is never drawn into a pipe or a file', async () => {
      const input = logs('c.json')
      const args = ['enrich', '--data-dir', ledger.folder, input]
      expect(await tipline(args)).toMatchObject({ status: 0, stderr: '' })
      const errors = join(folder, 'errors')
      const terminal = new OnTerminal([input], ` > /dev/null 2> '${errors}'`)
      expect(await terminal.end()).toBe(0)
      expect([terminal.told, readFileSync(errors, 'utf8')]).toEqual(['', ''])
    })
  },
)
