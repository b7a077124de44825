/** The unit that ships, as systemd itself sees it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hasSystemdNotify } from './notify-socket.js'

const UNIT = fileURLToPath(new URL('../../examples/systemd/tipline.service', import.meta.url))

describe.skipIf(!hasSystemdNotify())('the unit for systemd', () => {
  it('is understood to its last line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tipline-unit-'))
    // tipline itself is not installed where this is tested.
    const text = readFileSync(UNIT, 'utf8').replaceAll('/usr/bin/tipline', '/bin/true')
    writeFileSync(join(folder, 'tipline.service'), text)
    const args = ['verify', join(folder, 'tipline.service')]
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    expect([status, stdout + stderr]).toEqual([0, ''])
  })

  it('leaves little open, as systemd reckons it: 1.3 of 10 at most', () => {
    const args = ['security', '--offline=true', '--threshold=13', '--no-pager', UNIT]
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
    const [, score] = /Overall exposure level for tipline\.service: ([\d.]+)/.exec(stdout) ?? []
    expect(score, stdout).toBeDefined()
    expect([status, Number(score) <= 1.3], stdout).toEqual([0, true])
  })
})
