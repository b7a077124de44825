import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { until } from '../cli/site.js'

const CHILDREN = pathToFileURL('scripts/children.mjs').href
const PROGRAM = pathToFileURL('.build/test/servers/program.js').href

/** As a script of ours would: it starts a program that starts a server, and begins nothing after it. */
const script = (server: string) => `
  import { runNode } from '${CHILDREN}'
  console.log('status', await runNode(['--input-type=module', '-e', ${JSON.stringify(server)}]))`

const server = (after = '') => `
  import { spawn } from 'node:child_process'
  const server = spawn('sleep', ['1000'], { stdio: 'ignore' })
  console.log('server', server.pid, process.pid)
  ${after}`

async function started(text: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', text])
  const ended = once(child, 'close')
  let told = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    told += piece
  })
  await until(() => told.includes('\n'))
  const [, ...pids] = told.split(/\s/)
  return { child, ended, told: () => told, pids: pids.slice(0, 2).map(Number) }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('%s ends what a script has started, to the last server', async (signal, status) => {
  const { child, ended, told, pids } = await started(script(server()))
  child.kill(signal)
  expect(await ended).toEqual([status, null])
  expect(told()).not.toContain('status')
  expect(pids.filter(isThere)).toEqual([])
})

it('what does not want to go is killed', async () => {
  const deaf = "process.on('SIGTERM', () => console.log('heard'))"
  const { child, ended, told, pids } = await started(script(server(deaf)))
  child.kill('SIGTERM')
  await until(() => told().includes('heard'))
  expect((await ended)[0]).toBe(143)
  expect(pids.filter(isThere)).toEqual([])
}, 30_000)

it('tells the status where nothing happened', async () => {
  const { ended, told } = await started(script("console.log('x'); process.exit(7)"))
  expect(await ended).toEqual([0, null])
  expect(told()).toContain('status 7')
})

it('npm gives its signals to what starts programs, not to a shell before it', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    scripts: Record<string, string>
  }
  const starting = Object.entries(scripts).filter(([, line]) => line.startsWith('exec node '))
  expect(starting.map(([name]) => name)).toEqual(['demo', 'test', 'bench'])
})

it.each(['SIGTERM', 'SIGINT'] as const)('%s to a test ends its servers with it', async (signal) => {
  const text = `import { endWithUs } from '${PROGRAM}'${server('endWithUs(server)')}`
  const { child, ended, pids } = await started(text)
  child.kill(signal)
  expect(await ended).toEqual([null, signal])
  await until(() => !pids.some(isThere))
})
