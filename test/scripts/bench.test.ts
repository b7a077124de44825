import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function bench(...args: string[]) {
  return spawnSync(process.execPath, ['scripts/bench.mjs', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  })
}

it('lists the benches that there are', () => {
  const { status, stderr } = bench()
  const names = [...stderr.matchAll(/^ {2}([\w-]+)/gm)].map(([, name]) => name)
  expect(status).toBe(2)
  expect(names.length).toBeGreaterThan(0)
  expect(names.filter((name) => !existsSync(`${ROOT}bench/${name}.ts`))).toEqual([])
})

it('says so where there is none of that name', () => {
  expect(bench('toString')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('There is no bench named toString.'),
  })
})
