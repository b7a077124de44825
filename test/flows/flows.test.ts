/** nfcapd files through the real nfdump into the embedded ClickHouse, with the command line. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLock } from '../../src/ledger/lock.js'
import { commandLine, documentOf, Running } from '../cli/cli.js'
import { Site, until } from '../cli/site.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { createMisp2chTables } from '../clickhouse/misp2ch.js'
import { hasProgram } from '../servers/program.js'
import { hasNfdump, type Packet, writeCapture } from './capture.js'
import { protocolNumber } from './plain-rows.js'

/** Early in an hour: nfpcapd begins a new file with each. */
const AT = Math.floor(Date.now() / 3_600_000 - 2) * 3600 + 60

/** To root every file is open, unless it has no right to that. */
const BOUND_BY_MODES =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : []

describe.skipIf(!hasEngine() || !hasNfdump())('flows', () => {
  let site: Site
  beforeEach(async () => {
    site = new Site()
    await site.startMisp()
    // Captures of single packets are samples: nobody knows whether they were answered.
    site.writeConfig('sinks: { clickhouse: { sampled: true, embedded: { idle: 3s } } }\n')
  })
  afterEach(() => site.close())

  async function rows(sql: string): Promise<Record<string, unknown>[]> {
    const engine = TestEngine.at(join(site.folder, 'tipline-data'))
    await engine.restart()
    const db = await engine.connect()
    try {
      return await db.rows(sql)
    } finally {
      await db.close()
    }
  }
  const flows = () =>
    rows(
      `SELECT toUnixTimestamp(ts) AS ts, sa, da, sp, dp, pr, prs, flg, ipkt, flowsrc
       FROM nfsen.flows ORDER BY ts, sa`,
    )

  const PACKETS: Packet[] = [
    { at: AT, sa: '192.0.2.1', da: '203.0.113.9', dp: 8443 },
    // Answered: scanners whom nobody answers are counted only.
    { at: AT + 1, sa: '198.51.100.7', da: '192.0.2.2', sp: 4000, dp: 22, flags: 0x12 },
    { at: AT + 2, sa: '192.0.2.3', da: '192.0.2.53', sp: 4000, dp: 53, protocol: 17 },
    { at: AT + 3, sa: '192.0.2.4', da: '192.0.2.5', dp: 769, protocol: 1 },
    { at: AT + 4, sa: '2001:db8:0:0:0:0:0:1', da: '2001:db8:0:0:0:0:0:2', dp: 25 },
  ]

  it('are imported as they are, once, and meet the indicators', async () => {
    expect((await site.run(['sync'])).status).toBe(0)
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    // Whatever zone the user lives in.
    const env = { TZ: 'America/New_York' }
    const ran = await site.run(['flows', 'import', '--flowsrc', 'border', file, '--json'], { env })
    expect(documentOf(ran)).toEqual({ files: [{ file, outcome: 'imported', flows: 5, odd: 0 }] })
    const common = { flowsrc: 'border', ipkt: '1' }
    expect(await flows()).toEqual([
      {
        ...common,
        ts: AT,
        sa: '192.0.2.1',
        da: '203.0.113.9',
        sp: 50000,
        dp: 8443,
        pr: 6,
        prs: 'TCP',
        flg: '......S.',
      },
      {
        ...common,
        ts: AT + 1,
        sa: '198.51.100.7',
        da: '192.0.2.2',
        sp: 4000,
        dp: 22,
        pr: 6,
        prs: 'TCP',
        flg: '...A..S.',
      },
      {
        ...common,
        ts: AT + 2,
        sa: '192.0.2.3',
        da: '192.0.2.53',
        sp: 4000,
        dp: 53,
        pr: 17,
        prs: 'UDP',
        flg: '........',
      },
      {
        ...common,
        ts: AT + 3,
        sa: '192.0.2.4',
        da: '192.0.2.5',
        sp: 0,
        dp: 769,
        pr: 1,
        prs: 'ICMP',
        flg: '........',
      },
      {
        ...common,
        ts: AT + 4,
        sa: '2001:db8::1',
        da: '2001:db8::2',
        sp: 50000,
        dp: 25,
        pr: 6,
        prs: 'TCP',
        flg: '......S.',
      },
    ])
    const again = await site.run(['flows', 'import', '--flowsrc', 'border', file])
    expect(again).toMatchObject({ status: 0, stdout: `${file}: was imported before\n` })
    expect(await flows()).toHaveLength(5)
    const hits = await site.run(['hits', '--json'])
    const told = hits.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { first: string; event: { info: string } })
    const scanner = {
      inside: { address: '192.0.2.2' },
      observable: '198.51.100.7',
      field: 'source.ip',
      flow: { port: 4000 },
    }
    const byEvent = told.toSorted((a, b) => (a.event.info < b.event.info ? -1 : 1))
    expect(
      byEvent.toSorted((a, b) => (a.first < b.first ? 1 : a.first > b.first ? -1 : 0)),
    ).toMatchObject([
      { ...scanner, event: { info: 'Phishing kit' } },
      { ...scanner, event: { info: 'Scanner' } },
      {
        inside: { address: '192.0.2.1' },
        observable: '203.0.113.9',
        field: 'destination.ip',
        flow: { port: 8443 },
      },
    ])
    expect((await site.run(['hits', '--value', '192.0.2.200'])).status).toBe(1)
  })

  it('that are cut or foreign are set aside, and the others go in', async () => {
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    const cut = join(site.folder, 'nfcapd.202611200000')
    copyFileSync(file, cut)
    truncateSync(cut, readFileSync(file).length - 40)
    const foreign = site.write('nfcapd.202611200005', 'no capture')
    const missing = join(site.folder, 'nfcapd.202611200010')
    const ran = await site.run(['flows', 'import', cut, foreign, missing, file, '--json'])
    expect(ran.status).toBe(1)
    expect(documentOf(ran)).toMatchObject({
      files: [
        { file: cut, outcome: 'aside' },
        { file: foreign, outcome: 'aside' },
        { file: missing, outcome: 'aside' },
        { file, outcome: 'imported', flows: 5 },
      ],
    })
    expect(await flows()).toHaveLength(5)
    const { stdout } = await site.run(['flows', 'import', missing, site.folder])
    expect(stdout.split('\n')).toEqual([
      `set aside: ${missing} can not be read (ENOENT)`,
      `set aside: ${site.folder} is a folder: tipline flows watch --once reads those`,
      '',
    ])
  })

  it('are picked up in folders when they are finished, each with its label', async () => {
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    const sub = join(site.folder, 'a/2026/11')
    mkdirSync(sub, { recursive: true })
    mkdirSync(join(site.folder, 'b'))
    const watch = site.start(['flows', 'watch', `east=${join(site.folder, 'a')}`, 'west=b'])
    copyFileSync(file, join(sub, 'nfcapd.202611211200'))
    writeFileSync(join(sub, 'nfcapd.current.1234'), readFileSync(file))
    await expect.poll(async () => (await flowsOr()).length, { timeout: 30_000 }).toBe(5)
    copyFileSync(file, join(site.folder, 'b/nfcapd.202611211200'))
    await expect.poll(async () => (await flowsOr()).length, { timeout: 30_000 }).toBe(10)
    watch.child.kill('SIGTERM')
    expect((await watch.end()).signal ?? 'ended').toBe('ended')
    const sources = await rows(
      'SELECT flowsrc, count() AS n FROM nfsen.flows GROUP BY 1 ORDER BY 1',
    )
    expect(sources).toEqual([
      { flowsrc: 'east', n: '5' },
      { flowsrc: 'west', n: '5' },
    ])
  })

  it('of a watched folder have its label, however they come, so that they come once', async () => {
    const [file = ''] = writeCapture(join(site.folder, 'in/2026'), PACKETS)
    mkdirSync(join(site.folder, 'in/20'))
    site.writeConfig(
      `sinks: { clickhouse: { embedded: { idle: 3s } } }
flows: { watch: [{ folder: ./in, label: border }, { folder: ./in/20, label: other }] }\n`,
    )
    expect((await site.run(['flows', 'watch', '--once'])).status).toBe(0)
    const { stdout } = await site.run(['flows', 'import', file])
    expect(stdout).toBe(`${file}: was imported before\n`)
    expect(new Set((await flows()).map(({ flowsrc }) => flowsrc))).toEqual(new Set(['border']))
    const unlabelled = await site.run(['flows', 'import', '--flowsrc', '', file])
    expect(unlabelled.stdout).toBe(`${file}: 5 flows\n`)
  })

  it('that nfcapd appended when clocks went back are imported from there on', async () => {
    const folder = join(site.folder, 'in')
    const [file = ''] = writeCapture(folder, PACKETS)
    expect((await site.run(['flows', 'import', file])).status).toBe(0)
    const later = PACKETS.map((packet) => ({ ...packet, at: packet.at + 600 }))
    expect(writeCapture(folder, later)).toEqual([file])
    const ran = await site.run(['flows', 'import', file, '--json'])
    expect(documentOf(ran)).toEqual({ files: [{ file, outcome: 'imported', flows: 5, odd: 0 }] })
    expect((await flows()).map(({ ts }) => Number(ts) - AT)).toEqual(
      [0, 1, 2, 3, 4].flatMap((n) => [n, n + 600]).toSorted((a, b) => a - b),
    )
    // Another file under that name is imported whole.
    rmSync(file)
    writeCapture(
      folder,
      PACKETS.slice(0, 3).map((packet) => ({ ...packet, at: packet.at + 1200 })),
    )
    expect((await site.run(['flows', 'import', file])).status).toBe(0)
    expect(await flows()).toHaveLength(13)
  })

  it('are not looked at again after a new start, whatever became of them', async () => {
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    const watched = join(site.folder, 'watched')
    mkdirSync(watched)
    copyFileSync(file, join(watched, 'nfcapd.202611200000'))
    const foreign = site.write('watched/nfcapd.202611200005', 'no capture')
    const config = 'flows: { watch: [{ folder: ./watched, label: border }] }\n'
    site.writeConfig(`sinks: { clickhouse: { embedded: { idle: 3s } } }\n${config}`)
    const watch = async () =>
      documentOf(await site.run(['flows', 'watch', '--once', '--json'])).files as object[]
    const first = await watch()
    expect(first).toMatchObject([{ outcome: 'imported', flows: 5 }, { outcome: 'aside' }])
    expect(await watch()).toEqual([])
    copyFileSync(file, foreign)
    expect(await watch()).toMatchObject([{ file: foreign, outcome: 'known' }])
    expect(await watch()).toEqual([])
    expect((await flows()).map(({ flowsrc }) => flowsrc)).toEqual(Array(5).fill('border'))
  })

  it('that could not be read are imported when they can be, without a new start', async () => {
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    const watched = join(site.folder, 'watched')
    mkdirSync(watched)
    const copy = join(watched, 'nfcapd.202611200000')
    copyFileSync(file, copy)
    chmodSync(copy, 0)
    site.writeConfig('sinks: { clickhouse: { embedded: { idle: 3s } } }\nflows: { every: 1s }\n')
    const watch = site.start(['flows', 'watch', watched], { under: BOUND_BY_MODES })
    await until(() => watch.stderr.includes('can not be read (EACCES)'))
    chmodSync(copy, 0o600)
    await until(() => watch.stderr.includes('5 flows'))
    watch.child.kill('SIGTERM')
    await watch.end()
    expect(watch.stderr.split('EACCES')).toHaveLength(2)
    expect(await flows()).toHaveLength(5)
  })

  it('of other folders are imported while one is away, and its own when it is back', async () => {
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    mkdirSync(join(site.folder, 'east'))
    const arrive = (folder: string, name: string) =>
      copyFileSync(file, join(site.folder, folder, name))
    site.writeConfig('sinks: { clickhouse: { embedded: { idle: 3s } } }\nflows: { every: 1s }\n')
    mkdirSync(join(site.folder, 'west'))
    const watch = site.start(['flows', 'watch', 'east=east', 'west=west'])
    arrive('west', 'nfcapd.202611200000')
    await until(() => watch.stderr.includes('5 flows'))
    renameSync(join(site.folder, 'west'), join(site.folder, 'away'))
    await until(() => watch.stderr.includes('west can not be read (ENOENT)'))
    arrive('east', 'nfcapd.202611200005')
    await until(() => watch.stderr.split('5 flows').length === 3)
    renameSync(join(site.folder, 'away'), join(site.folder, 'west'))
    await until(() => watch.stderr.includes('well again'))
    arrive('west', 'nfcapd.202611200010')
    await until(() => watch.stderr.includes('was imported before'))
    watch.child.kill('SIGTERM')
    await watch.end()
    expect(watch.stderr.split('was imported before')).toHaveLength(2)
  })

  it.each([
    ['an nfdump that is killed', 'kill -KILL $$', true],
    ['an nfdump that the file crashes', 'kill -SEGV $$', false],
  ])('of a file over %s', async (_, fault, isTriedAgain) => {
    const bin = join(site.folder, 'bin')
    mkdirSync(bin)
    const real = execFileSync('which', ['nfdump'], { encoding: 'utf8' }).trim()
    // With the second file, once.
    const once = join(site.folder, 'once')
    mkdirSync(once)
    writeFileSync(
      join(bin, 'nfdump'),
      `#!/bin/bash
[ "$1" = -v ] && mkdir ${once} 2> /dev/null && ${fault}
exec ${real} "$@"\n`,
      { mode: 0o755 },
    )
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    mkdirSync(join(site.folder, 'watched'))
    writeCapture(join(site.folder, 'watched'), PACKETS.slice(0, 3))
    site.writeConfig('sinks: { clickhouse: { embedded: { idle: 3s } } }\nflows: { every: 1s }\n')
    const env = { PATH: `${bin}:${process.env.PATH}` }
    const watch = site.start(['flows', 'watch', 'watched'], { env })
    await until(() => watch.stderr.includes('3 flows'))
    rmSync(once, { recursive: true })
    copyFileSync(file, join(site.folder, 'watched/nfcapd.202611200000'))
    const after = isTriedAgain ? '5 flows' : 'is no whole nfcapd file: nfdump ended with 128'
    await until(() => watch.stderr.includes(after))
    watch.child.kill('SIGTERM')
    await watch.end()
    expect(watch.stderr.includes('nfdump was ended by SIGKILL')).toBe(isTriedAgain)
    expect(watch.stderr.includes('set aside')).toBe(!isTriedAgain)
  })

  it('are asked of a newer nfdump in its own way', async () => {
    const bin = join(site.folder, 'bin')
    mkdirSync(bin)
    const real = execFileSync('which', ['nfdump'], { encoding: 'utf8' }).trim()
    // 1.7.5 prints for csv:LIST what the real one prints for fmt:LIST, with a header.
    writeFileSync(
      join(bin, 'nfdump'),
      `#!/bin/bash
[ "$1" = -V ] && { echo 'nfdump: Version: 1.7.6'; exit; }
for a in "$@"; do
  case "$a" in csv:*) echo firstSeen,lastSeen; args+=("fmt:\${a#csv:}");; *) args+=("$a");; esac
done
exec ${real} "\${args[@]}"\n`,
      { mode: 0o755 },
    )
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    const env = { PATH: `${bin}:${process.env.PATH}` }
    const ran = await site.run(['flows', 'import', file, '--json'], { env })
    expect(documentOf(ran)).toEqual({ files: [{ file, outcome: 'imported', flows: 5, odd: 1 }] })
    expect((await flows()).map(({ prs }) => prs)).toEqual(['TCP', 'TCP', 'UDP', 'ICMP', 'TCP'])
  })

  it('are told of by the status', async () => {
    expect((await site.run(['sync'])).status).toBe(0)
    const folder = join(site.folder, 'watched')
    const [file = ''] = writeCapture(folder, PACKETS)
    const foreign = site.write('watched/nfcapd.202611200005', 'no capture')
    const config = 'flows: { watch: [{ folder: ./watched }, { folder: ./nosuch }] }\n'
    site.writeConfig(`sinks: { clickhouse: { embedded: { idle: 3s } } }\n${config}`)
    const before = await site.ask(['status'])
    expect(before.flows).toMatchObject({ waiting: 2, imported: 0, last_file: null })
    expect(JSON.stringify(before.problems)).toMatch(/nosuch can not be read.*2 nfcapd files wait/)
    await site.run(['flows', 'watch', '--once', folder])
    const { flows, exit } = await site.ask(['status'])
    expect(flows).toMatchObject({
      engine: { name: 'the embedded ClickHouse' },
      imported: 1,
      set_aside: 1,
      last_file: { path: file, flows: 5 },
      last_set_aside: { path: foreign },
      waiting: 0,
      live_matching: true,
    })
    expect(exit).toBe(1)
    expect((await site.run(['status'])).stdout).toMatch(/matching +as they come/)
  })

  it("may go into another tool's table, to which doctor --fix adds what it lacks", async () => {
    const engine = TestEngine.at(join(site.folder, 'tipline-data'))
    await engine.restart()
    const db = await engine.connect()
    await createMisp2chTables(db)
    await db.close()
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    const imported = await site.run(['flows', 'import', file])
    expect(imported).toMatchObject({ status: 0, stdout: `${file}: 5 flows\n` })
    expect(imported.stderr).toMatch(/keeps no deduplication window.*tipline doctor --fix sets it/)
    const asked = await site.run(['doctor', '--fix'])
    expect(asked.status).toBe(2)
    expect(asked.stdout).toMatch(
      /will let nfsen.flows remember.*\nwill add hidden numbers of the addresses.*the times of flows in the order of these/,
    )
    expect(asked.stderr).toContain('--fix --yes')
    expect((await site.run(['doctor', '--fix', '--yes'])).stdout).toContain('Done.')
    expect((await site.run(['doctor', '--fix', '--yes'])).stdout).toBe('There is nothing to fix.\n')
    const again = await site.run(['flows', 'import', file])
    expect(again.status).toBe(0)
    expect(again.stderr).not.toContain('deduplication window')
    const printed = await site.run(['doctor', '--sql', '--cluster', 'netflow'])
    expect(printed.stdout).toContain('ON CLUSTER `netflow`')
    expect((await site.run(['doctor', '--sql', '--cluster', "it's"])).status).toBe(2)
  })

  it('are stored unmatched while matching is detached, and found afterwards', async () => {
    expect((await site.run(['sync'])).status).toBe(0)
    expect((await site.run(['flows', 'detach'])).status).toBe(0)
    // A sync does not put it back.
    expect((await site.run(['sync'])).status).toBe(0)
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    expect((await site.run(['flows', 'import', file])).status).toBe(0)
    expect((await site.run(['hits'])).status).toBe(1)
    const status = await site.ask(['status'])
    expect(status.flows).toMatchObject({ live_matching: false })
    expect(JSON.stringify(status.problems)).toContain('flows are not matched')
    expect((await site.run(['flows', 'attach'])).status).toBe(0)
    expect((await site.run(['backscan', '--since', '1d'])).status).toBe(0)
    expect((await site.run(['hits'])).stdout).toContain('192.0.2.1 -> 203.0.113.9 port 8443')
    const mistyped = await site.run(['backscan', '--indicator', '203.0.113.90'])
    expect(mistyped.status).toBe(1)
    expect(mistyped.stdout).toContain(
      '203.0.113.90 is no address or net that flows are matched with',
    )
    const again = await site.run(['backscan', '--since', '1d', '--indicator', '203.0.113.9'])
    expect(again.status).toBe(0)
    expect(again.stdout).toContain('Nothing new to look for')
  })

  it('are looked through by one backscan at a time', async () => {
    site.writeConfig('sinks: { clickhouse: { sampled: true, backscan: 1d } }\n')
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    expect((await site.run(['flows', 'import', file])).status).toBe(0)
    const dataDir = join(site.folder, 'tipline-data')
    const other = await acquireLock({ dataDir, name: 'backscan', waitMs: 0 })
    const under = `process ${process.pid} is already looking for indicators in the flows of the past`
    const synced = await site.run(['sync', '--debug'])
    expect(synced.status).toBe(0)
    expect(synced.stderr).toContain(under)
    expect(synced.stderr).toContain('the next sync looks for what is new now')
    const looking = new Running(['backscan', '--since', '1d'], { cwd: site.folder })
    await until(() => looking.stderr.includes('waiting for it to end'))
    expect((await site.run(['hits'])).status).toBe(1)
    other.release()
    expect((await looking.end()).status).toBe(0)
    expect((await site.run(['hits'])).stdout).toContain('192.0.2.1 -> 203.0.113.9 port 8443')
  })

  it.skipIf(!hasTerminal())('show on a terminal how far they are', async () => {
    const [file = ''] = writeCapture(join(site.folder, 'in'), PACKETS)
    const shown = (args: readonly string[]) => {
      const line = commandLine(args).join(' ')
      return execFileSync('script', ['-qec', line, '/dev/null'], {
        cwd: site.folder,
        encoding: 'utf8',
      })
    }
    expect(shown(['flows', 'import', file])).toMatch(/[█░]{24} \d flows/)
    const folder = join(site.folder, 'watched')
    mkdirSync(folder)
    copyFileSync(file, join(folder, 'nfcapd.202611211200'))
    expect(shown(['flows', 'watch', '--once', folder])).toMatch(/[█░]{24} \d flows, 1 files to do/)
    // Nobody has brought an indicator yet.
    const looking = await site.run(['backscan'])
    expect(looking.status).toBe(3)
    expect(looking.stderr).toMatch(
      /no indicators in the embedded ClickHouse yet\n +hint: tipline sync/,
    )
  })

  it('are watched for until SIGINT, which ends it well in the midst of its first file too', async () => {
    const bin = join(site.folder, 'bin')
    mkdirSync(bin)
    const begun = join(site.folder, 'begun')
    const real = execFileSync('which', ['nfdump'], { encoding: 'utf8' }).trim()
    // It comes to no end with the first file.
    writeFileSync(
      join(bin, 'nfdump'),
      `#!/bin/sh\n[ "$1" = -r ] || exec ${real} "$@"\ntouch '${begun}'\nexec sleep 600\n`,
      { mode: 0o755 },
    )
    const folder = join(site.folder, 'in')
    writeCapture(folder, PACKETS)
    const env = { PATH: `${bin}:${process.env.PATH}` }
    const watch = site.start(['flows', 'watch', folder], { env })
    await until(() => existsSync(begun))
    watch.child.kill('SIGINT')
    const { status, stderr } = await watch.end()
    expect(status, stderr).toBe(0)
    expect(stderr).toBe('')
    expect(await flows()).toEqual([])
  })

  it('need folders that can be read', async () => {
    const ran = await site.run(['flows', 'watch', '/nonexistent'])
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain('/nonexistent can not be read')
    expect((await site.run(['flows', 'watch'])).stderr).toContain('no folder to watch')
  })

  it('need a ClickHouse in the config', async () => {
    site.writeConfig()
    expect((await site.run(['flows', 'import', 'x'])).status).toBe(2)
  })

  /** None, while the table is not there. */
  const flowsOr = () => flows().catch(() => [])
})

describe.skipIf(!hasEngine() || !hasNfdump())('an import that is killed', () => {
  let site: Site
  beforeEach(() => {
    site = new Site()
  })
  afterEach(() => site.close())

  const importing = (file: string) => ['flows', 'import', file]
  const watching = (file: string) => ['flows', 'watch', '--once', dirname(file)]

  it.each([
    ['import', 'tipline', importing],
    ['watch', 'tipline', watching],
    ['import', 'the engine', importing],
  ])('goes on where it was, and stores nothing twice: %s, %s is killed', async (...row) => {
    const [, killed, command] = row
    await site.startMisp()
    site.writeConfig('sinks: { clickhouse: { max_hits: 1000000, embedded: { idle: 20s } } }\n')
    const packets = Array.from({ length: 250_000 }, (_, n) => ({
      at: AT + Math.floor(n / 1000),
      sa: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
      da: '198.51.100.7',
    }))
    expect((await site.run(['sync'])).status).toBe(0)
    const [file = ''] = writeCapture(join(site.folder, 'in'), packets)
    const engine = TestEngine.at(join(site.folder, 'tipline-data'))
    const first = site.start(command(file))
    await engine.restart()
    let db = await engine.connect()
    const count = async (table: string) =>
      Number((await db.row<{ n: string }>(`SELECT count() AS n FROM nfsen.${table}`)).n)
    while ((await count('flows').catch(() => 0)) === 0);
    const ending = first.end()
    if (killed === 'tipline') first.child.kill('SIGKILL')
    else await engine.kill()
    const ended = await ending
    if (killed === 'the engine') {
      expect(ended).toMatchObject({ status: 3 })
      expect(ended.stderr).toMatch(/can not be reached[\s\S]*hint: /)
    }
    // Whoever comes next starts the engine.
    expect((await site.run(command(file))).status).toBe(0)
    await db.close()
    await engine.restart()
    db = await engine.connect()
    expect(await count('flows')).toBe(packets.length)
    // Two indicators at that address.
    expect(await count('ioc_hits')).toBe(2 * packets.length)
    await db.close()
  })
})

/** util-linux's `script` runs a program on a terminal of its own. */
function hasTerminal(): boolean {
  return hasProgram('script', ['--version'], 'apt-get install bsdutils')
}

describe.skipIf(!hasNfdump())('protocols', () => {
  it('have the numbers that nfdump means by their names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tipline-protocols-'))
    const packets = Array.from({ length: 256 }, (_, protocol) => ({
      at: AT,
      sa: `10.0.0.${protocol}`,
      da: '192.0.2.1',
      protocol,
    }))
    const lines = writeCapture(folder, packets).flatMap((file) =>
      execFileSync('nfdump', ['-r', file, '-q', '-o', 'csv'], { encoding: 'utf8' })
        .trim()
        .split('\n'),
    )
    rmSync(folder, { recursive: true })
    const wrong = lines
      .map((line) => line.split(','))
      .filter((cells) => protocolNumber(cells[7]!.trim()) !== Number(cells[3]!.split('.')[3]))
      .map((cells) => cells[3])
    expect(lines.length).toBeGreaterThan(250)
    // Its name for 35 and 38 is the same.
    expect(wrong).toEqual(['10.0.0.38'])
    expect([protocolNumber('nosuch'), protocolNumber('256')]).toEqual([0, 0])
  })
})
