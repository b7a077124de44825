import { describe, expect, it } from 'vitest'
import { circlesIn, importsOf } from './imports.js'

const FORMS = [
  ["import { a } from './b.js'", '/src/b.ts'],
  ["import './b.js'", '/src/b.ts'],
  ["import type { A } from '../other/b.js'", '/other/b.ts'],
  ["export * from './b.js'", '/src/b.ts'],
  ["export type { A } from './b.js'", '/src/b.ts'],
  ["const a = await import('./b.js')", '/src/b.ts'],
  ["let a: import('./b.js').A", '/src/b.ts'],
  ["import table from './table.json' with { type: 'json' }", '/src/table.json'],
  ["new Worker(new URL('./worker.js', import.meta.url))", '/src/worker.ts'],
] as const

describe('importsOf', () => {
  it.each(FORMS)('finds %s', (text, to) => {
    const started = text.startsWith('new Worker')
    const found = { from: '/src/a.ts', to, line: 2, started }
    expect(importsOf('/src/a.ts', `\n${text}\n`)).toEqual([found])
  })

  it('leaves packages, Node and mere words out', () => {
    const text = `import { a } from 'pino'; import 'node:fs'\n// import './b.js'\nconst a = './b.js'`
    expect(importsOf('/src/a.ts', text)).toEqual([])
  })
})

describe('circlesIn', () => {
  const imports = (...edges: string[]) => edges.map((edge) => importOf(edge))
  const importOf = (edge: string, started = false) => {
    return { from: edge[0] as string, to: edge[1] as string, line: 1, started }
  }

  it('finds a circle that does not lead through the first file', () => {
    expect(circlesIn(imports('ab', 'bc', 'cd', 'db'))).toEqual([['b', 'c', 'd', 'b']])
  })

  it('takes a thread that knows its starter for no circle', () => {
    expect(circlesIn([importOf('ab', true), importOf('ba')])).toEqual([])
  })

  it('takes two ways to one file for no circle', () => {
    expect(circlesIn(imports('ab', 'ac', 'bd', 'cd'))).toEqual([])
  })
})
