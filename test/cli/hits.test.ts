/** Hits of logs, from `tipline enrich --record` to `tipline hits`. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HitDocument } from '../../src/hits/document.js'
import { commandLine, type Ran } from './cli.js'
import { Site, until } from './site.js'

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
    const bytes = readFileSync(join(site.folder, 'tipline-data/hits.db'))
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
    expect((await site.run(['hits', '--since', '2026-02-30'])).status).toBe(2)
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
    expect(ran.stderr.split('\n').filter((line) => line.includes('is busy'))).toHaveLength(1)
    expect(ran.stderr).toContain('0 hits recorded, 2 could not be recorded')
    expect((await record(lines(HOT))).stderr).toContain('2 hits recorded')
  }, 180_000)

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
  }, 180_000)

  it('are marked as false positives by id, and unmarked', async () => {
    await record(lines(NAMED))
    const [{ id } = { id: '' }] = await hits()
    const why = 'our own \u001b[2Jscanner'
    const mark = ['hits', 'mark', id, 'log-0000000000000000', '--false-positive', '--by', 'kim']
    const marked = await site.run([...mark, '--why', why])
    expect(marked.status).toBe(1)
    expect(marked.stdout).toContain('log-0000000000000000: no hit has this id')
    expect(await hits()).toMatchObject([{ false_positive: { by: 'kim', why } }])
    expect((await site.run(['hits'])).stdout).toContain('(false positive)')
    expect((await site.run(['hits', 'unmark', id])).status).toBe(0)
    expect((await site.run(['hits', 'unmark', id])).status).toBe(1)
    expect(await hits()).toMatchObject([{ false_positive: null }])
    expect((await site.run(['hits', 'mark', id])).status).toBe(2)
  }, 180_000)

  it('that concern somebody are erased, on the disk too (H4)', async () => {
    await record(lines(HOT, { ...NAMED, source: { ip: '192.0.2.66' } }))
    expect((await site.run(['hits', 'purge', '--address', '192.0.2.066'])).status).toBe(2)
    const ask = ['hits', 'purge', '--address', '::ffff:192.0.2.66']
    expect(await site.ask(ask)).toMatchObject({ exit: 1, log_hits: 1, erased: false })
    expect(await hits()).toHaveLength(3)
    expect(await site.ask([...ask, '--yes'])).toMatchObject({ exit: 0, log_hits: 1, erased: true })
    expect((await hits()).map(({ observable }) => observable)).not.toContain('www.evil.example')
    const files = ['hits.db', 'hits.db-wal'].map((name) => join(site.folder, 'tipline-data', name))
    for (const file of files.filter((path) => existsSync(path))) {
      expect(readFileSync(file).includes('192.0.2.66')).toBe(false)
    }
    expect(await site.ask([...ask, '--yes'])).toMatchObject({ exit: 0, log_hits: 0, erased: true })
    expect((await site.run(['hits', 'purge'])).status).toBe(2)
  }, 180_000)

  it('are kept for as long as the config says (H3)', async () => {
    await record(lines(HOT, NAMED))
    site.writeConfig('keep: { hits: 1h }\n')
    await site.run(['sync'])
    expect(await hits()).toHaveLength(3)
    const db = new DatabaseSync(join(site.folder, 'tipline-data/hits.db'))
    db.exec(`UPDATE hit SET recorded = recorded - 3600001 WHERE field = 'destination.ip'`)
    await site.run(['sync'])
    expect(await hits()).toMatchObject([{ observable: 'www.evil.example' }])
    const left = db.prepare('SELECT (SELECT count(*) FROM line) + (SELECT count(*) FROM met) AS n')
    expect(left.get()).toEqual({ n: 2 })
    db.close()
  }, 180_000)

  it('survive a kill: what is missing is recorded by the next run, and nothing twice (H1)', async () => {
    const many = Array.from({ length: 20_000 }, (_, n) => ({ ...HOT, n }))
    const input = lines(...many)
    // A file: what is written to a process that is no more is an error of the test's.
    const file = site.write('many.json', input)
    const killed = site.start(['enrich', '--record', file])
    await until(() => existsSync(join(site.folder, 'tipline-data/hits.db-wal')))
    killed.child.kill('SIGKILL')
    await killed.end()
    expect((await record(input)).status).toBe(0)
    const db = new DatabaseSync(join(site.folder, 'tipline-data/hits.db'))
    expect(db.prepare('SELECT count(*) AS n FROM hit').get()).toEqual({ n: 40_000 })
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    db.close()
  }, 180_000)

  it('have a label only where they are recorded', async () => {
    expect((await site.run(['enrich', '--label', 'x'], { input: '' })).status).toBe(2)
  })
})
