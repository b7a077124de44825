import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyIndex } from '../../../src/match/logs/key-index.js'
import { LineMatcher } from '../../../src/match/logs/line-matcher.js'
import { PRESETS } from '../../../src/match/logs/presets.js'
import { States } from '../../../src/match/logs/states.js'
import { fuzzRuns, fuzzSeed } from '../../fuzz.js'
import { KnownLedger } from '../ledger.js'
import { Dice, hostileLine, INDICATORS } from './hostile-lines.js'
import { plainHits } from './plain-matcher.js'

const indicators = INDICATORS.map(([type, value]) => ({ type, value }))
const ledger = new KnownLedger()
let matcher: LineMatcher
let states: States

beforeAll(() => {
  ledger.pull('e1', indicators)
  states = new States(ledger.folder)
  states.refresh()
  const index = new KeyIndex({ states, fields: PRESETS.ecs, threads: 1 })
  matcher = new LineMatcher({ states, fields: PRESETS.ecs, references: {}, legacy: false })
  matcher.use(index.scan)
})

afterAll(() => {
  states.close()
  ledger.close()
})

/** As the plain matcher says it; null: passed through as no JSON object. */
function fastHits(lines: readonly Buffer[]): { hits: (string[] | undefined)[]; odd: number } {
  const block = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
  const { hitLines, odd } = matcher.matchBlock(block)
  const starts = new Map(hitLines.map((hit) => [hit.start, hit]))
  let at = 0
  const hits = lines.map((line) => {
    const hit = starts.get(at)
    at += line.length + 1
    return hit === undefined ? undefined : hitsTold(hit.bytes)
  })
  return { hits, odd }
}

function hitsTold(bytes: Buffer): string[] {
  const { threat } = JSON.parse(bytes.toString().replace(/^\ufeff/, '')) as {
    threat: {
      enrichments: {
        indicator: { name: string; port?: number; type: string }
        matched: { atomic: string; field: string }
      }[]
    }
  }
  return threat.enrichments
    .map(({ matched, indicator }) => `${matched.field} ${matched.atomic} ${indicator.name}`)
    .sort()
}

const BATCH = 1000
const FULL = 1_000_000

describe('the fast way and the plain one', () => {
  it('find the same hits in whatever lines', () => {
    const seed = fuzzSeed()
    let [hitLines, oddLines] = [0, 0]
    for (let batch = 0; batch < fuzzRuns(FULL / BATCH); batch += 1) {
      const dice = new Dice(seed + batch)
      const lines = Array.from({ length: BATCH }, () => hostileLine(dice))
      const { hits, odd } = fastHits(lines)
      let plainOdd = 0
      for (const [n, line] of lines.entries()) {
        const plain = plainHits(line, indicators)
        if (plain === null && line.toString().trim() !== '') plainOdd += 1
        const expected = plain ?? []
        if (expected.length > 0) hitLines += 1
        const told = hits[n] ?? []
        if (told.join('\n') === expected.join('\n')) continue
        const where = `batch ${batch}, line ${n}: ${JSON.stringify(line.toString())}`
        expect(told, where).toEqual(expected)
      }
      expect(odd, `batch ${batch}`).toBe(plainOdd)
      oddLines += odd
    }
    // Else the lines are not what they are meant to be.
    expect(hitLines).toBeGreaterThan(BATCH / 10)
    expect(oddLines).toBeGreaterThan(BATCH / 100)
  }, 3_600_000)
})
