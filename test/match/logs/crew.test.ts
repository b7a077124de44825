/** A crew with a thread of its own, which is there only in what is built. */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Crew } from '../../../src/match/logs/crew.js'
import { AHEAD } from '../../../src/match/logs/crew-helper.js'
import type { Matched } from '../../../src/match/logs/line-matcher.js'
import { PRESETS } from '../../../src/match/logs/presets.js'
import { KnownLedger } from '../ledger.js'

const HIT = '{"source.ip":"192.0.2.1"}\n'

const built = '../../../.build/src/match/logs/crew.js'
const { Crew: BuiltCrew } = (await import(built)) as { Crew: typeof Crew }

let ledger: KnownLedger
let crew: Crew

beforeEach(async () => {
  ledger = new KnownLedger()
  ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
  crew = new BuiltCrew({ ...asked(), threads: 2 })
  await untilShared()
})

function asked() {
  return { dataDir: ledger.folder, fields: PRESETS.ecs, references: {}, legacy: false }
}

afterEach(async () => {
  await crew.close()
  ledger.close()
})

/** Examined there, not only scanned: what crosses threads is a Buffer no more. */
function isByHelper({ hitLines }: Matched): boolean {
  return !Buffer.isBuffer(hitLines[0]!.bytes)
}

async function untilShared(): Promise<void> {
  while (!isByHelper(await crew.match(block(100_000)))) await sleep(10)
}

const block = (bytes: number) => Buffer.from(HIT.repeat(Math.ceil(bytes / HIT.length)))

describe('a crew of two threads', () => {
  it('wakes the other for what is worth it', async () => {
    const [small, large] = [block(1000), block(100_000)]
    expect(isByHelper(await crew.match(small))).toBe(false)
    const result = await crew.match(large)
    expect(isByHelper(result)).toBe(true)
    expect(result.hitLines.length * HIT.length).toBe(large.length)
    expect(result.bytes).toBe(large)
  })

  it('shares the work: what the other has no time for is done here (M25)', async () => {
    const path = join(ledger.folder, 'logs.json')
    const lines = block(200_000)
    writeFileSync(path, lines)
    const file = openSync(path, 'r')
    const range = { file, at: 0, length: lines.length }
    const results = await Promise.all(Array.from({ length: AHEAD + 2 }, () => crew.match(range)))
    expect(new Set(results.map(isByHelper))).toEqual(new Set([true, false]))
    // Each in a place of its own until it is released.
    for (const { bytes, hitLines } of results) {
      expect(bytes.equals(lines)).toBe(true)
      expect(hitLines).toHaveLength(lines.length / HIT.length)
    }
    for (const { release } of results) release()
    closeSync(file)
  })

  it('what there is no place for waits until there is one', async () => {
    const path = join(ledger.folder, 'logs.json')
    const lines = block(50_000)
    writeFileSync(path, lines)
    const file = openSync(path, 'r')
    const range = { file, at: 0, length: lines.length }
    const many = Array.from({ length: 40 }, () => crew.match(range))
    let done = 0
    for (const matching of many) {
      const { bytes, hitLines, release } = await matching
      expect(bytes.equals(lines)).toBe(true)
      expect(hitLines).toHaveLength(lines.length / HIT.length)
      done += 1
      release()
    }
    expect(done).toBe(40)
    closeSync(file)
  })

  it('the other one follows the ledger, also into another index (M17)', async () => {
    const line = '{"dns.question.name":"a.evil.example"}\n'
    const large = Buffer.from(line.repeat(2000))
    expect((await crew.match(large)).hitLines).toHaveLength(0)
    // The first of its space: the index is made anew.
    ledger.pull('e2', [{ type: 'domain', value: 'evil.example' }])
    await sleep(1100)
    const result = await crew.match(large)
    expect(result.hitLines).toHaveLength(2000)
    expect(isByHelper(result)).toBe(true)
    ledger.pull('e2', [])
    expect((await crew.match(large)).hitLines).toHaveLength(0)
  })

  it('few lines that hit are examined here, many there (M25)', async () => {
    await crew.close()
    crew = new BuiltCrew({ ...asked(), threads: 2 })
    const miss = '{"source.ip":"198.51.100.1"}\n'
    const lines = Buffer.from(`${miss.repeat(99)}${HIT}`.repeat(10))
    const at = Array.from({ length: 10 }, (_, n) => (n + 1) * (99 * miss.length + HIT.length) - 1)
    let isThere = false
    let here = 0
    while (!isThere) {
      const result = await crew.match(lines)
      expect(result.hitLines.map(({ end }) => end)).toEqual(at)
      expect(result.lines).toBe(1000)
      isThere = isByHelper(result)
      if (!isThere) here += 1
      // What the other thread says is heard in turns.
      await turn()
    }
    expect(here).toBeGreaterThanOrEqual(100)
  })

  it('a thread that fails is a failure, then and from then on', async () => {
    const nothing = { file: 1 << 20, at: 0, length: 100_000 }
    await expect(crew.match(nothing)).rejects.toMatchObject({ code: 'EBADF' })
    await expect(crew.match(block(100_000))).rejects.toMatchObject({ code: 'EBADF' })
  })
})
