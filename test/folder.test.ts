import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeFolder, SHARED } from '../src/folder.js'
import { commandLine } from './cli/cli.js'
import { Site } from './cli/site.js'

it('a folder is made with its parents, once, and where none can be the system says why', () => {
  const top = mkdtempSync(join(tmpdir(), 'tipline-folder-'))
  try {
    const folder = join(top, 'a/b')
    makeFolder(folder)
    makeFolder(folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    const shared = join(top, 'c/d')
    makeFolder(shared, SHARED)
    expect(statSync(shared).mode & 0o777).toBe(0o777 & ~process.umask())
    writeFileSync(join(top, 'file'), '')
    expect(() => makeFolder(join(top, 'file'))).toThrow('EEXIST')
    expect(() => makeFolder(join(top, 'file/b'))).toThrow(/ENOTDIR|EEXIST/)
    if (process.platform === 'linux') expect(() => makeFolder('/proc/a/b')).toThrow('ENOENT')
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
})

it.skipIf(process.platform !== 'linux')(
  'no command makes a folder by itself, which would never come back from under /proc',
  async () => {
    const site = new Site()
    try {
      await site.startMisp()
      site.writeConfig('sinks: { memcached: { servers: ["127.0.0.1:1"] } }\n')
      await site.run(['sync'])
      for (const words of [
        ['backup', '/proc/a/b/copy.db'],
        ['logstash', '--out', '/proc/a/b'],
      ]) {
        const [node, ...args] = commandLine(words)
        const killed = { timeout: 20_000, killSignal: 'SIGKILL' } as const
        const ran = spawnSync(node!, args, { cwd: site.folder, encoding: 'utf8', ...killed })
        expect([ran.status, ran.stderr], words.join(' ')).toEqual([
          3,
          expect.stringMatching(/ENOENT/),
        ])
      }
    } finally {
      await site.close()
    }
  },
  60_000,
)
