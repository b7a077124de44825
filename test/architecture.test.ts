/** Holds the code to the rank table of docs/architecture.md. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { circlesIn, type Import, importsOf } from './imports.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SRC = join(ROOT, 'src')
const SHAPELESS = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'lib', 'shared']

const ranks = readRanks(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'))
const files = filesIn('src')
const present = new Set(files.map((file) => roomOf(inSrc(file))))
let imports: Import[] = []

beforeAll(() => {
  imports = files.flatMap((file) => importsOf(file))
})

describe('the rank table', () => {
  it('names the rooms of src/, and no others', () => {
    expect([...ranks.keys()].sort()).toEqual([...present].sort())
  })

  it('is kept: rooms import only rooms of a lower rank', () => {
    const upward = imports.filter(({ from, to }) => {
      const [user, used] = [roomOf(inSrc(from)), roomOf(inSrc(to))]
      return user !== used && !isBelow(used, user)
    })
    expect(upward.map(told)).toEqual([])
  })
})

describe('imports', () => {
  it('stay inside src/', () => {
    expect(imports.filter(({ to }) => inSrc(to).startsWith('..')).map(told)).toEqual([])
  })

  it('lead to files that exist', () => {
    expect(imports.filter(({ to }) => !existsSync(to)).map(told)).toEqual([])
  })

  it('make no circle', () => {
    expect(circlesIn(imports).map((circle) => circle.map(inSrc).join(' > '))).toEqual([])
  })
})

describe('folders', () => {
  it('are named for what is in them', () => {
    const folders = ['src', 'test', 'bench', 'scripts'].flatMap(foldersIn)
    const shapeless = folders.filter((path) => SHAPELESS.includes(path.split('/').at(-1) ?? ''))
    expect(shapeless).toEqual([])
  })
})

/** Rows of the form `| rank | \`room\` | ... |`. */
function readRanks(page: string): Map<string, number> {
  const rows = page.matchAll(/^\| *(\d+) *\| *`([^`]+)` *\|/gm)
  return new Map([...rows].map(([, rank, name]) => [name as string, Number(rank)]))
}

/** `sinks/memcached/sink.ts` is in `sinks`, `log.ts` is `log`. */
function roomOf(path: string): string {
  return (path.split('/')[0] ?? '').replace(/\.tsx?$/, '')
}

function isBelow(used: string, user: string): boolean {
  const [low, high] = [ranks.get(used), ranks.get(user)]
  return low !== undefined && high !== undefined && low < high
}

function filesIn(folder: string): string[] {
  const paths = readdirSync(join(ROOT, folder), { recursive: true }) as string[]
  return paths.filter((path) => /\.tsx?$/.test(path)).map((path) => join(ROOT, folder, path))
}

function foldersIn(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
}

function inSrc(file: string): string {
  return relative(SRC, file)
}

function told({ from, to, line }: Import): string {
  return `${inSrc(from)}:${line} imports ${inSrc(to)}`
}
