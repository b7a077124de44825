import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { documentOf, tipline } from './cli.js'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-cli-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

describe('tipline demo', () => {
  it('--json answers with one document of counts, and leaves nothing behind', async () => {
    const ran = await tipline(['demo', '--json'], { cwd: folder, env: { TMPDIR: folder } })
    expect(ran.stderr).toBe('')
    expect(ran.status).toBe(0)
    const counts = documentOf(ran) as Record<string, number>
    expect(counts).toMatchObject({ events: 12, lines: 12, set_aside: 3, revoked: 1 })
    expect(counts.indicators).toBe(counts.live! + counts.held!)
    for (const name of ['attributes', 'live', 'held', 'hits', 'seconds']) {
      expect(counts[name], name).toBeGreaterThan(0)
    }
    expect(counts.hits_after).toBe(counts.hits! - 1)
    expect(readdirSync(folder)).toEqual([])
  })

  it('tells the story in words', async () => {
    const { status, stdout, stderr } = await tipline(['demo'], { cwd: folder })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toContain('198.51.100.17  LIVE')
    expect(stdout).toContain('HELD by the rule special-address')
    expect(stdout).toContain('198.51.100.17  revoked')
    expect(stdout).toContain('What next')
  })

  it('--keep leaves a place to try commands on, and replaces only its own', async () => {
    expect((await tipline(['demo', '--keep'], { cwd: folder })).status).toBe(0)
    const config = ['-c', '.tipline-demo/tipline.yml']
    const args = ['lookup', ...config, 'cdn-invoice.example']
    expect((await tipline(args, { cwd: folder })).status).toBe(0)
    expect((await tipline(['status', ...config], { cwd: folder })).status).toBe(0)
    expect((await tipline(['demo', '--keep'], { cwd: folder })).status).toBe(0)
    rmSync(join(folder, '.tipline-demo'), { recursive: true })
    mkdirSync(join(folder, '.tipline-demo'))
    writeFileSync(join(folder, '.tipline-demo', 'precious'), 'x')
    expect((await tipline(['demo', '--keep'], { cwd: folder })).status).toBe(2)
    expect(existsSync(join(folder, '.tipline-demo', 'precious'))).toBe(true)
  })
})
