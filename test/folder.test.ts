import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeFolder } from '../src/folder.js'

it('a folder is made with its parents, once, and where none can be the system says why', () => {
  const top = mkdtempSync(join(tmpdir(), 'tipline-folder-'))
  try {
    const folder = join(top, 'a/b')
    makeFolder(folder)
    makeFolder(folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    writeFileSync(join(top, 'file'), '')
    expect(() => makeFolder(join(top, 'file'))).toThrow('EEXIST')
    expect(() => makeFolder(join(top, 'file/b'))).toThrow(/ENOTDIR|EEXIST/)
    if (process.platform === 'linux') expect(() => makeFolder('/proc/a/b')).toThrow('ENOENT')
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
})
