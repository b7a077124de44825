/** Hits of logs, from `tipline enrich --record` to `tipline hits`. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HitDocument } from '../../src/hits/document.js'
import { commandLine, type Ran } from './cli.js'
import { Site } from './site.js'

let site: Site
beforeEach(async () => {
  site = new Site()
  await site.startMisp()
  site.writeConfig('networks: { campus: [192.0.2.0/24] }\n')
  await site.run(['sync'])
})
afterEach(() => site.close())

const MINUTE = 60_000
const HOT = {
  '@timestamp': new Date(Date.now() - MINUTE).toISOString(),
  source: { ip: '192.0.2.5' },
  destination: { ip: '198.51.100.7' },
  message: 'kim was here',
}
const NAMED = { ts: Date.now() / 1000 - 600, 'dns.question.name': 'www.evil.example' }

function lines(...documents: object[]): string {
  return documents.map((document) => `${JSON.stringify(document)}\n`).join('')
}

function record(input: string, ...more: string[]): Promise<Ran> {
  return site.run(['enrich', '--record', '--stats', ...more], { input })
}

async function hits(...args: string[]): Promise<HitDocument[]> {
  const { stdout } = await site.run(['hits', '--json', ...args])
  const told = stdout.trim().split('\n').filter(Boolean)
  return told.map((line) => JSON.parse(line) as HitDocument)
}

describe('hits of logs', () => {
  it('are recorded with what was looked up, and nothing else of the line (H2)', async () => {
    const ran = await record(lines(HOT, { message: 'nothing' }), '--label', 'proxy')
    expect(ran).toMatchObject({ status: 0 })
    expect(ran.stderr).toContain('2 hits recorded')
    const told = await hits()
    expect(told.map(({ event }) => event.info).sort()).toEqual(['Phishing kit', 'Scanner'])
    expect(told[0]).toMatchObject({
      kind: 'log',
      way: 'enrich',
      first: HOT['@timestamp'],
      observable: '198.51.100.7',
      field: 'destination.ip',
      indicator: { kind: 'ip', value: '198.51.100.7' },
      event: { source: 'main', link: expect.stringMatching(/\/events\/view\/[12]$/) as string },
      tlp: 'green',
      label: 'proxy',
      inside: { address: '192.0.2.5', network: 'campus' },
      fields: { 'source.ip': ['192.0.2.5'], 'destination.ip': ['198.51.100.7'] },
      flow: null,
      stale: false,
    })
    const bytes = execFileSync('cat', [join(site.folder, 'tipline-data/hits.db')])
    expect(bytes.includes('kim was here')).toBe(false)
  })

  it('of the same line count once, whoever reads it again, in however many threads (H1)', async () => {
    const input = lines(HOT, NAMED, HOT)
    await Promise.all([record(input), record(input, '--threads', '2'), record(input)])
    expect(await hits()).toHaveLength(3)
    expect((await record(input)).stderr).toContain('0 hits recorded, 5 recorded before')
  })

  it('are told newest first, and by what one asks for', async () => {
    await record(lines(NAMED), '--label', 'dns')
    await record(lines(HOT))
    const observables = async (...args: string[]) =>
      (await hits(...args)).map(({ observable }) => observable)
    expect(await observables()).toEqual(['198.51.100.7', '198.51.100.7', 'www.evil.example'])
    expect(await observables('--label', 'dns')).toEqual(['www.evil.example'])
    expect(await observables('--value', 'evil[.]example')).toEqual(['www.evil.example'])
    expect(await observables('--value', '192.0.2.5', '--event', '2')).toEqual(['198.51.100.7'])
    expect(await observables('--since', '5m')).toHaveLength(2)
    expect(await observables('--until', '5m')).toEqual(['www.evil.example'])
    expect(await observables('--source', 'other')).toEqual([])
    expect(await observables('--kind', 'flow')).toEqual([])
    expect((await site.run(['hits', '--kind', 'flow'])).status).toBe(1)
    expect((await site.run(['hits', '--since', 'noon'])).status).toBe(2)
    expect(await observables('--limit', '1')).toHaveLength(1)
  })

  it('of what is served no longer say so', async () => {
    await record(lines(NAMED))
    await site.run(['hold', 'evil.example', '--why', 'no', '--for', '1h'])
    expect(await hits()).toMatchObject([{ stale: true }])
  })

  it('that can not be recorded hold up no log, and are counted (H5)', async () => {
    await record(lines(NAMED))
    const db = new DatabaseSync(join(site.folder, 'tipline-data/hits.db'))
    db.exec('BEGIN IMMEDIATE')
    const ran = await record(lines(HOT))
    db.exec('ROLLBACK')
    db.close()
    expect(ran.status).toBe(3)
    expect(JSON.parse(ran.stdout)).toMatchObject({ threat: { enrichments: [{}, {}] } })
    expect(ran.stderr.match(/is busy/g)).toHaveLength(1)
    expect(ran.stderr).toContain('0 hits recorded, 2 could not be recorded')
    expect((await record(lines(HOT))).stderr).toContain('2 hits recorded')
  }, 60_000)

  it('that find the disk full do so too, and what was there stays (H5)', async () => {
    await record(lines(NAMED))
    const many = Array.from({ length: 3000 }, (_, n) => ({ ...HOT, n, url: { path: `/${n}` } }))
    const command = `ulimit -f 100; "$@"`
    const out = execFileSync(
      'bash',
      [
        '-c',
        `${command} 2>&1 >/dev/null || echo "status $?"`,
        'x',
        ...commandLine(['enrich', '--record']),
      ],
      { cwd: site.folder, input: lines(...many), encoding: 'utf8' },
    )
    expect(out).toContain('status 3')
    expect(out).toMatch(/disk is full|could not be read or written/)
    expect((await hits('--label', '')).length).toBeGreaterThan(0)
    expect((await record(lines(HOT))).status).toBe(0)
  }, 60_000)

  it('have a label only where they are recorded', async () => {
    expect((await site.run(['enrich', '--label', 'x'], { input: '' })).status).toBe(2)
  })
})
