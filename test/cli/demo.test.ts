import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasEngine } from '../clickhouse/engine.js'
import { documentOf, tipline } from './cli.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-cli-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Five met as they came; one more when its address was known. */
const FLOWS = { flows: 7, flow_hits: 5, flow_hits_past: 1 }

describe('tipline demo', () => {
  it('--json answers with one document of counts, and leaves nothing behind', async () => {
    // From 22 on Node keeps what it has compiled there.
    const env = { TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: '1' }
    const ran = await tipline(['demo', '--json'], { cwd: folder, env })
    expect(ran.stderr).toBe('')
    expect(ran.status).toBe(0)
    const counts = documentOf(ran) as Record<string, number>
    expect(counts).toMatchObject({ events: 12, lines: 12, set_aside: 3, revoked: 1 })
    expect(counts.indicators).toBe(counts.live! + counts.held!)
    for (const name of ['attributes', 'live', 'held', 'hits', 'seconds']) {
      expect(counts[name], name).toBeGreaterThan(0)
    }
    expect(counts).toMatchObject(hasEngine() ? FLOWS : { flows: 0 })
    expect(counts.hits_after).toBe(counts.hits! - 1)
    expect(readdirSync(folder)).toEqual([])
  })

  it.skipIf(!hasEngine())('needs no nfdump', async () => {
    const env = { TMPDIR: folder, PATH: '/nonexistent' }
    const ran = await tipline(['demo', '--json'], { cwd: folder, env })
    expect(documentOf(ran)).toMatchObject(FLOWS)
  })

  it('says so and goes on where there is no chDB', async () => {
    // All that is installed, but for that one package.
    cpSync(join(ROOT, '.build/src'), join(folder, 'build/src'), { recursive: true })
    for (const name of ['lists', 'package.json']) symlinkSync(join(ROOT, name), join(folder, name))
    const modules = join(folder, 'node_modules')
    mkdirSync(modules)
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (name !== 'chdb') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    }
    const main = join(folder, 'build/src/cli/main.js')
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, [main, 'demo'], { cwd: folder })
    expect(stdout).toContain('left out: there is no ClickHouse on this machine')
    expect(stdout).toContain('HIT')
    const { stdout: json } = await run(process.execPath, [main, 'demo', '--json'], { cwd: folder })
    expect(JSON.parse(json)).toMatchObject({ lines: 12, revoked: 1, flows: 0, flow_hits: 0 })
  })

  it('tells the story in words', async () => {
    const { status, stdout, stderr } = await tipline(['demo'], { cwd: folder })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toContain('198.51.100.17  LIVE')
    expect(stdout).toContain('HELD by the rule special-address')
    expect(stdout).toContain('198.51.100.17  revoked')
    expect(stdout).toContain('1 hit of it in the flows of the past')
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
