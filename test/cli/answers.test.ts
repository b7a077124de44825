/** What every command has in common: one JSON document, no secret, nothing that a terminal obeys. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Store } from '../misp/store.js'
import { documentOf, tipline } from './cli.js'
import { Site } from './site.js'

const ESC = '\u001b[2J\u001b]0;owned\u0007'
const POISON = `evil${ESC}\u009b31m\u202eexe.gpj\u2028\r\nflush_all`
/** Everything but the line feed. */
const CONTROL =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/

let site: Site

/** In an order in which each finds what it needs. */
const COMMANDS: readonly (readonly [args: readonly string[], status: number])[] = [
  [['sync'], 0],
  [['sync'], 0],
  [['lookup', '198.51.100.7', 'unknown.example'], 0],
  [['lookup', POISON], 0],
  [['explain', '198.51.100.7'], 0],
  [['explain', POISON], 0],
  [['explain', '--check-sinks', '198.51.100.7'], 0],
  [['hold', POISON, '--why', POISON, '--by', POISON], 0],
  [['holds', '--all'], 0],
  [['explain', POISON], 0],
  [['status'], 0],
  [['status', '--set-aside'], 0],
  [['release', POISON, '--why', POISON], 0],
  [['holds'], 1],
  [['forget', 'nobody'], 1],
  [['doctor'], 0],
  [['config', 'check'], 0],
  [['config', 'show'], 0],
  [['config', 'migrate'], 0],
  [['config', 'schema'], 0],
  [['backup', 'copy.db'], 0],
  [['restore', '--force', 'copy.db'], 0],
  [['lookup', 'unknown.example'], 1],
  [['explain', 'unknown.example'], 1],
  [['status', '--withheld', 'ffff'], 2],
  [['snyc'], 2],
  [['sync', '--acept', 'x'], 2],
  [['sync', '-c', `none${POISON}.yml`], 2],
  [['restore', 'none.db'], 3],
]

beforeAll(async () => {
  site = new Site()
  await site.startMisp(poisoned)
  site.writeConfig('policy: { kinds: [mutex] }\n')
})

afterAll(() => site.close())

describe('each command', () => {
  it.each(COMMANDS)('%j', async (args, status) => {
    const plain = await site.run(args)
    expect(plain.status, plain.stderr).toBe(status)
    expect(plain.stdout).not.toMatch(CONTROL)
    expect(plain.stderr).not.toMatch(CONTROL)
    expectNoKey(plain.stdout + plain.stderr)
  })

  it.each(COMMANDS)('%j --json --log-level trace', async (args, status) => {
    const ran = await site.run([...args, '--json', '--log-level', 'trace'])
    expect(ran.status, ran.stderr).toBe(status)
    expect(documentOf(ran)).toBeTypeOf('object')
    expect(ran.stdout).not.toMatch(CONTROL)
    expect(ran.stderr).not.toMatch(CONTROL)
    expectNoKey(ran.stdout + ran.stderr)
  })

  it('that fails tells it in its document too', async () => {
    const ran = await site.run(['restore', 'none.db', '--json'])
    expect(documentOf(ran)).toEqual({
      error: {
        type: 'LedgerError',
        what: expect.stringContaining('there is no backup'),
        hint: 'check the path',
        exit_status: 3,
      },
    })
  })
})

describe('wrong use', () => {
  it.each([
    [['snyc'], "unknown command 'snyc'", 'did you mean sync?'],
    [['sync', '--wiat'], "unknown option '--wiat'", 'did you mean --wait?'],
    [['config', 'chekc'], "unknown command 'chekc'", 'did you mean check?'],
    [['-c', 'tipline.yml', 'sync'], "unknown option '-c'", 'options stand behind the command'],
    [['flows', '-c', 'x', 'watch'], "unknown option '-c'", 'options stand behind the command'],
    [['lookup'], "missing required argument 'value'", 'tipline lookup --help'],
    [['holds', 'x'], 'too many arguments', 'tipline holds --help'],
    [['sync', '--log-level', 'loud'], 'is invalid', 'tipline sync --help'],
  ])('%j', async (args, what, hint) => {
    const { status, stdout, stderr } = await tipline(args)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(what)
    expect(stderr).toContain(`hint: ${hint}`)
  })

  it('of nothing at all shows what there is', async () => {
    const { status, stdout, stderr } = await tipline([])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('Usage: tipline')
  })
})

describe('help and version', () => {
  it.each([['--help'], ['help'], ['sync', '--help'], ['help', 'sync'], ['config', 'check', '-h']])(
    '%s %s',
    async (...args) => {
      const { status, stdout, stderr } = await tipline(args.filter(Boolean))
      expect([status, stderr]).toEqual([0, ''])
      expect(stdout).toContain('Usage: tipline')
    },
  )

  it('says the version of the package', async () => {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    const { stdout } = await tipline(['--version'])
    expect(stdout).toBe(`${(JSON.parse(manifest) as { version: string }).version}\n`)
  })
})

describe('a reader who leaves early', () => {
  it('is no error', async () => {
    const values = Array.from({ length: 20_000 }, (_, n) => `${n}.example`).join('\n')
    const running = site.start(['lookup', '--data-dir', join(site.folder, 'tipline-data'), '-'], {
      input: values,
    })
    running.child.stdout?.once('data', () => running.child.stdout?.destroy())
    const { status, stderr } = await running.end()
    expect([status, stderr]).toEqual([1, ''])
  })
})

function expectNoKey(said: string): void {
  expect(said.includes(site.misp.keys.readonly), 'the key was told').toBe(false)
}

function poisoned(): Store {
  const store = new Store()
  const timestamp = store.now - 86_400
  store.addEvent({
    timestamp,
    publish_timestamp: timestamp,
    info: POISON,
    tags: ['tlp:green', POISON],
    attributes: [
      { type: 'ip-dst', value: '198.51.100.7', timestamp },
      { type: 'mutex', value: POISON, timestamp },
      { type: 'domain', value: POISON, timestamp },
      { type: 'md5', value: POISON, timestamp },
    ],
  })
  return store
}
