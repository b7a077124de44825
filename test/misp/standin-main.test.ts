/** The stand-in as a process, as the benches start it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, expect, it } from 'vitest'

const here = fileURLToPath(new URL('.', import.meta.url))
const built = join(here, `../../.build/standin-${process.pid}`)

beforeAll(() => transpile(here, built))
afterAll(() => rmSync(built, { recursive: true, force: true }))

it('tells its address, serves, changes when it is told to, and goes with its stdin', async () => {
  const options = JSON.stringify({ attributes: 2000, eventsOf: [50, 100], now: 1_795_300_000 })
  const child = spawn(process.execPath, [join(built, 'standin-main.js'), options])
  const lines = createInterface({ input: child.stdout })
  const { url, keys, pid } = (await next(lines)) as Told
  expect(pid).toBe(child.pid)
  expect(await rows(url, keys.readonly)).toBe(2000)

  expect(await tell(child, lines, { advance: 60, touch: 3 })).toMatchObject({
    touched: [expect.any(Number), expect.any(Number), expect.any(Number)],
  })
  await tell(child, lines, { fault: { kind: 'half' } })
  expect(await rows(url, keys.readonly)).toBeLessThan(2000)
  expect(await tell(child, lines, { clear: true })).toMatchObject({ requests: 2 })
  child.stdin.end()
  expect(await once(child, 'exit')).toEqual([0, null])
})

interface Told {
  readonly url: string
  readonly pid: number
  readonly keys: { readonly readonly: string }
}

async function rows(url: string, key: string): Promise<number> {
  const response = await fetch(`${url}/attributes/restSearch`, {
    ...{ method: 'POST', body: '{}' },
    headers: { Authorization: key, Accept: 'application/json', 'Content-Type': 'application/json' },
  })
  const body = (await response.json()) as { response: { Attribute: unknown[] } }
  return body.response.Attribute.length
}

async function tell(child: ChildProcess, lines: Interface, command: unknown): Promise<unknown> {
  const answer = next(lines)
  child.stdin!.write(`${JSON.stringify(command)}\n`)
  return await answer
}

async function next(lines: Interface): Promise<unknown> {
  const [line] = (await once(lines, 'line')) as [string]
  return JSON.parse(line)
}

/** The sources beside this test as JavaScript; fixtures are found from anywhere below the root. */
function transpile(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ES2022 }
  for (const file of readdirSync(from)) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
    const { outputText } = ts.transpileModule(readFileSync(join(from, file), 'utf8'), {
      compilerOptions,
    })
    writeFileSync(join(to, file.replace(/ts$/, 'js')), outputText)
  }
}
