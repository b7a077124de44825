import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'

const BUILT = pathToFileURL('.build/test/temporary.js').href

it('is where tests make their folders', () => {
  expect(basename(tmpdir())).toMatch(/^tipline-tests-/)
})

it('goes when the run ends, also where it is ended', () => {
  const text = `
    import setUp from '${BUILT}'
    import { mkdtempSync } from 'node:fs'
    import { tmpdir } from 'node:os'
    setUp()
    process.stdout.write(mkdtempSync(tmpdir() + '/left-'))
    process.exit(143)`
  const args = ['--input-type=module', '-e', text]
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(status).toBe(143)
  expect(dirname(dirname(stdout))).toBe(tmpdir())
  expect(existsSync(dirname(stdout))).toBe(false)
})
