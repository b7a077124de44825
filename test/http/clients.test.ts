/** The clients that the docs show, run as they stand, each against the API. */
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { transpileModule } from 'typescript'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../cli/site.js'
import { ApiHouse, OPERATOR, TOKENS } from './house.js'

const run = promisify(execFile)
let house: ApiHouse
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  house = await ApiHouse.open([{ type: 'ip-dst', value: '198.51.100.7' }], { tokens: TOKENS })
  env = { ...process.env, TIPLINE_URL: house.url, TIPLINE_TOKEN: OPERATOR.token }
})
afterAll(() => house.close())

const has = (program: string) => spawnSync(program, ['--version']).status === 0

it.skipIf(!has('python3') && process.env.CI !== 'true')('Python', async () => {
  const values = ['198.51.100.7', 'nothing.example']
  const { stdout } = await run('python3', ['examples/api/lookup.py', ...values], { env })
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    ['198.51.100.7', 'live', 'about Phishing kit'],
    ['nothing.example', 'unknown'],
  ])
})

it('TypeScript, over several pages', async () => {
  const lines = Array.from({ length: 700 }, (_, n) =>
    JSON.stringify({
      '@timestamp': new Date().toISOString(),
      n,
      destination: { ip: '198.51.100.7' },
    }),
  )
  await house.ask('/v1/enrich?record=test', {
    token: OPERATOR.token,
    body: lines.join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
  const recorded = () => house.metrics.read('tipline_hits_recorded_total', { way: 'api' })
  await until(() => recorded() >= 700)
  const { stdout } = await run(process.execPath, typeScript('examples/api/hits.ts'), { env })
  const hits = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string[])
  expect(hits).toHaveLength(700)
  expect(hits[0]!.slice(1)).toEqual(['198.51.100.7', 'about Phishing kit'])
})

/** The file itself where this Node reads it. */
function typeScript(path: string): string[] {
  const { typescript } = process.features as { typescript?: unknown }
  if (typescript) return [path]
  const compilerOptions = { module: 99, target: 10 }
  const script = transpileModule(readFileSync(path, 'utf8'), { compilerOptions }).outputText
  return ['--input-type=module', '-e', script]
}

it('the socket of the data folder, with curl', async () => {
  const own = await house.listen(
    { listen: `unix:${join(house.ledger.folder, 's.sock')}` },
    { own: true },
  )
  const args = ['-s', '--unix-socket', own.url.slice(5), 'http://tipline/v1/session']
  const { stdout } = await run('curl', args)
  expect(JSON.parse(stdout)).toEqual({ name: 'local', scope: 'operate', login: false })
})
