/** The package as npm installs it, without a network: what `import ... from 'tipline'` gives its users. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KnownLedger } from './match/ledger.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const HIT = '{"source.ip":"192.0.2.1"}'

interface Manifest {
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

let folder: string
let ledger: KnownLedger

beforeAll(async () => {
  const ready = '../scripts/ready.mjs'
  const { freshDist } = (await import(ready)) as { freshDist(): void }
  freshDist()
  folder = mkdtempSync(join(tmpdir(), 'tipline-package-'))
  ledger = new KnownLedger()
  ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
  install()
})

afterAll(() => {
  ledger.close()
  rmSync(folder, { recursive: true })
})

/** As npm would: the packed files, and of other packages only those that manifests lead to. */
function install(): void {
  const pack = ['pack', '--offline', '--ignore-scripts', '--json', '--pack-destination', folder]
  const told = execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' })
  const [{ filename }] = JSON.parse(told) as [{ filename: string }]
  const target = join(folder, 'node_modules/tipline')
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components=1'])
  linkNeeds(target)
  link('@types/node')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
}

function linkNeeds(packed: string): void {
  const manifest = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8')) as Manifest
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    link(name)
  }
}

/** With all that it needs itself; optional packages of other platforms are not there. */
function link(name: string): void {
  const from = join(ROOT, 'node_modules', name)
  const to = join(folder, 'node_modules', name)
  if (existsSync(to) || !existsSync(from)) return
  mkdirSync(dirname(to), { recursive: true })
  symlinkSync(from, to)
  linkNeeds(from)
}

function node(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  return { status, stdout, stderr }
}

const USE = `
import { type Hit, LedgerError, type Matcher, openMatcher } from 'tipline'

const matcher: Matcher = openMatcher({ dataDir: process.argv[2]!, fields: 'ecs', legacy: true })
const hits: Hit[] = matcher.match({ source: { ip: '192.0.2.1' } })
const line: Buffer | null = matcher.enrich('${HIT}')
const field: string = hits[0]!.field
const kind: 'ip' | 'net' | 'domain' | string = hits[0]!.indicator.kind
const seen: readonly string[] = hits[0]!.carriers.map((carrier) => carrier.eventInfo)
const seq: number = matcher.seq
matcher.close()
let missing = false
try {
  openMatcher({ dataDir: '/nowhere' })
} catch (error) {
  missing = error instanceof LedgerError
}
console.log(JSON.stringify({ field, kind, seen, seq, line: line?.toString(), missing }))
`

const WRONG = `
import { openMatcher } from 'tipline'
openMatcher({ dataDir: 1, fields: 'esc' })
`

it('is built as a program, so that what npm link made of the folder works after the next build', () => {
  expect(statSync(join(ROOT, 'dist/cli/main.js')).mode & 0o111).toBe(0o111)
})

describe('the packed package', () => {
  it('is a matcher in a program of others, whose types compile', () => {
    writeFileSync(join(folder, 'use.ts'), USE)
    expect(compile('use.ts')).toEqual({ status: 0, told: '' })
    const { status, stdout, stderr } = node(['use.js', ledger.folder])
    expect([status, stderr]).toEqual([0, ''])
    const { line, seq, ...told } = JSON.parse(stdout) as { line: string; seq: number }
    expect(told).toEqual({ field: 'source.ip', kind: 'ip', seen: ['about e1'], missing: true })
    expect(seq).toBeGreaterThan(0)
    expect(JSON.parse(line)).toMatchObject({
      threat: { enrichments: [{ indicator: { ip: '192.0.2.1' } }] },
      misp: { event_id: ['1'], type: ['ip-dst'] },
    })
  })

  it('tells a program that uses it wrongly', () => {
    writeFileSync(join(folder, 'wrong.ts'), WRONG)
    const { status, told } = compile('wrong.ts')
    expect(status).not.toBe(0)
    expect(told).toMatch(/wrong\.ts\(3,15\).*'number' is not assignable to type 'string'/)
    expect(told).toMatch(/wrong\.ts\(3,27\).*"esc"/)
  })

  it('is a command, with the threads that it starts', () => {
    const main = join(folder, 'node_modules/tipline/dist/cli/main.js')
    const args = ['enrich', '--data-dir', ledger.folder, '--threads', '2', '--only-hits']
    const { status, stdout, stderr } = node([main, ...args], `${HIT}\n`.repeat(5000))
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout.match(/"threat"/g)).toHaveLength(5000)
  })

  it('gives only what it means to: no way leads into its files', () => {
    writeFileSync(join(folder, 'inside.js'), `import 'tipline/dist/match/logs/crew.js'`)
    expect(node(['inside.js']).stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })
})

/** Strictly, with the types of tipline and all that they lead to. */
function compile(file: string): { status: number | null; told: string } {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck']
  const { status, stdout } = node([tsc, ...options, 'false', '--types', 'node', file])
  return { status, told: stdout }
}
