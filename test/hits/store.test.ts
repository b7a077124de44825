/** The store of log hits against a model of it: a plain list. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openHits } from '../../src/hits/database.js'
import { hitDocument } from '../../src/hits/document.js'
import { countLogHits, eraseLogHits, pruneHits } from '../../src/hits/erase.js'
import { endFollower, newHits } from '../../src/hits/follow.js'
import type { Hit } from '../../src/hits/hit.js'
import { markHit, unmarkHit } from '../../src/hits/mark.js'
import { hitsOverTime } from '../../src/hits/over-time.js'
import { readHit, readHits } from '../../src/hits/read.js'
import { type LineHits, type Met, recordLines } from '../../src/hits/record.js'
import type { HitStores } from '../../src/hits/stores.js'
import { inTransaction } from '../../src/ledger/sqlite.js'
import { Networks } from '../../src/networks.js'
import { storable } from '../../src/text.js'
import { fuzz } from '../fuzz.js'

const NEVER = new AbortController().signal
const START = 1_795_300_000_000

function met(value: string, more: Partial<Met> = {}): Met {
  return {
    field: 'destination.ip',
    observable: value,
    kind: 'ip',
    value,
    uuid: `uuid of ${value}`,
    type: 'ip-dst',
    eventId: '1',
    eventUuid: 'e1',
    eventInfo: 'C2',
    source: 'main',
    tlp: '',
    ...more,
  }
}

function line(digest: number, at: number, mets: readonly Met[], observed: [string, string][] = []) {
  const all: [string, string][] = [
    ...mets.map(({ field, observable }): [string, string] => [field, observable]),
    ...observed,
  ]
  return { digest: digest.toString(16).padStart(32, '0'), at, observed: all, met: mets }
}

async function withStore(work: (stores: HitStores, folder: string) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-hits-'))
  const stores = storesIn(folder)
  try {
    await work(stores, folder)
  } finally {
    if (stores.db.isOpen) stores.db.close()
    rmSync(folder, { recursive: true })
  }
}

function storesIn(folder: string): HitStores {
  const networks = new Networks({ campus: ['192.0.2.0/24'] })
  return { db: openHits(folder), flows: null, ledger: null, networks, links: {} }
}

async function allHits(stores: HitStores, limit: number): Promise<Hit[]> {
  const hits: Hit[] = []
  let cursor: string | undefined
  do {
    const page = await readHits(stores, { limit, cursor }, NEVER)
    hits.push(...page.hits)
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return hits
}

const VALUES = ['198.51.100.1', '198.51.100.2', 'evil.example'] as const

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      line: fc.nat(12),
      values: fc.uniqueArray(fc.constantFrom(...VALUES), { minLength: 1 }),
      inside: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    }),
  },
  fc.record({ kind: fc.constant('prune' as const), age: fc.nat(5) }),
  fc.record({
    kind: fc.constant('erase' as const),
    value: fc.constantFrom(...VALUES, '192.0.2.1'),
  }),
  fc.record({ kind: fc.constant('mark' as const), nth: fc.nat(20) }),
  fc.record({ kind: fc.constant('unmark' as const), nth: fc.nat(20) }),
  fc.record({ kind: fc.constant('follow' as const), dies: fc.boolean() }),
  fc.record({ kind: fc.constant('reopen' as const) }),
)

/** A hit as the model knows it. */
interface Known {
  readonly line: number
  readonly value: string
  readonly recorded: number
  marked: boolean
}

describe('the store of log hits', () => {
  it('is what a plain list would be (H1, H3, H6, H7)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await withStore(async (first, folder) => {
          let stores = first
          let model: Known[] = []
          const inside = new Map<number, string>()
          /** What the follower has not been told, in the order of recording. */
          let untold: string[] = []
          await newHits(stores, { name: 'f', limit: 10 }, NEVER)
          let now = START
          const name = ({ line, value }: Pick<Known, 'line' | 'value'>) => `${line} ${value}`
          const nameOf = (hit: Hit) => `${(hit.first - START) / 1000} ${hit.observable}`
          for (const one of steps) {
            now += 1000
            if (one.kind === 'record') {
              // What a line holds is a matter of its bytes.
              const own = inside.get(one.line) ?? one.inside
              const rows = line(
                one.line,
                START + one.line * 1000,
                one.values.map((value) => met(value)),
                [['source.ip', own]],
              )
              const fresh = one.values.filter(
                (value) => !model.some((known) => name(known) === name({ line: one.line, value })),
              )
              const occasion = { way: 'enrich', label: '', now } as const
              expect(recordLines(stores.db, [rows], occasion)).toBe(fresh.length)
              inside.set(one.line, own)
              for (const value of fresh) {
                model.push({ line: one.line, value, recorded: now, marked: false })
                untold.push(name({ line: one.line, value }))
              }
            } else if (one.kind === 'prune') {
              const before = now - one.age * 1000
              const kept = model.filter(({ recorded }) => recorded >= before)
              expect(await pruneHits(stores.db, before)).toBe(model.length - kept.length)
              model = kept
            } else if (one.kind === 'erase') {
              const gone = (known: Known) =>
                known.value === one.value ||
                inside.get(known.line) === one.value ||
                model.some((other) => other.line === known.line && other.value === one.value)
              const kept = model.filter((known) => !gone(known))
              expect(eraseLogHits(stores.db, one.value)).toBe(model.length - kept.length)
              model = kept
            } else if (one.kind === 'mark' || one.kind === 'unmark') {
              const hits = await allHits(stores, 7)
              const hit = hits[one.nth]
              if (!hit) continue
              const known = model.find((each) => name(each) === nameOf(hit))!
              if (one.kind === 'mark') {
                await markHit(stores, { id: hit.id, by: 'kim', why: '', now }, NEVER)
                known.marked = true
              } else {
                expect(await unmarkHit(stores, hit.id, NEVER)).toBe(known.marked)
                known.marked = false
              }
              expect((await readHit(stores, hit.id, NEVER))?.falsePositive !== null).toBe(
                known.marked,
              )
            } else if (one.kind === 'follow') {
              const news = await newHits(stores, { name: 'f', limit: 5 }, NEVER)
              const work = () =>
                inTransaction(stores.db, () => {
                  news.accept()
                  if (one.dies) throw new Error('killed')
                })
              expect(news.hits.map(nameOf)).toEqual(untold.slice(0, 5))
              if (one.dies) expect(work).toThrow('killed')
              else {
                work()
                untold = untold.slice(5)
              }
            } else {
              stores.db.close()
              stores = storesIn(folder)
            }
            untold = untold.filter((each) => model.some((known) => name(known) === each))
            for (const line of inside.keys()) {
              if (!model.some((known) => known.line === line)) inside.delete(line)
            }
          }
          const hits = await allHits(stores, 3)
          expect(hits.map(nameOf).sort()).toEqual(model.map(name).sort())
          const sorted = hits.toSorted((a, b) =>
            a.first !== b.first ? b.first - a.first : a.id < b.id ? 1 : -1,
          )
          expect(hits.map(({ id }) => id)).toEqual(sorted.map(({ id }) => id))
          expect(hits.filter(({ falsePositive }) => falsePositive).length).toBe(
            model.filter(({ marked }) => marked).length,
          )
          const range = { since: START, until: START + 13_000, buckets: 13 }
          const columns = await hitsOverTime(stores, range, NEVER)
          expect(columns.reduce((sum, { log }) => sum + log, 0)).toBe(hits.length)
          const counts = stores.db
            .prepare(
              `SELECT (SELECT count(*) FROM line WHERE id NOT IN (SELECT line FROM hit)) +
               (SELECT count(*) FROM met WHERE id NOT IN (SELECT met FROM hit)) +
               (SELECT count(*) FROM observed WHERE line NOT IN (SELECT line FROM hit)) AS orphans`,
            )
            .get()
          expect(counts).toEqual({ orphans: 0 })
          if (stores !== first) stores.db.close()
        })
      }),
      fuzz(200),
    )
  }, 180_000)

  it('tells each follower each hit once, from its beginning on (H7)', async () => {
    await withStore(async (stores) => {
      const occasion = { way: 'api', label: 'x', now: START } as const
      recordLines(stores.db, [line(1, START, [met('198.51.100.1')])], occasion)
      const next = async (name: string) => {
        const news = await newHits(stores, { name, limit: 2 }, NEVER)
        inTransaction(stores.db, () => news.accept())
        return news.hits.map(({ first }) => (first - START) / 1000)
      }
      expect([await next('a'), await next('a')]).toEqual([[], []])
      const lines: LineHits[] = [2, 3, 4].map((n) =>
        line(n, START + n * 1000, [met('198.51.100.1')]),
      )
      recordLines(stores.db, lines, occasion)
      expect(await next('b')).toEqual([])
      expect([await next('a'), await next('a'), await next('a')]).toEqual([[2, 3], [4], []])
      eraseLogHits(stores.db, '198.51.100.1')
      recordLines(stores.db, lines.slice(0, 1), occasion)
      expect([await next('a'), await next('b')]).toEqual([[2], [2]])
      endFollower(stores.db, 'a')
      expect(await next('a')).toEqual([])
    })
  })

  it('gives back whatever text a line or a MISP may hold', async () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      // What SQLite's drivers end a text at, and what is no text in UTF-8.
      fc.constantFrom('\0', 'behind\0it', '\ud800', '\udc00x'),
    )
    const text = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''))
    await withStore(async (stores) => {
      let number = 0
      await fc.assert(
        fc.asyncProperty(text, text, text, text, async (field, observable, info, source) => {
          number += 1
          const one = met('x', { field, observable, eventInfo: info, source, uuid: info })
          const occasion = { way: 'enrich', label: info, now: START } as const
          recordLines(
            stores.db,
            [line(number, START + number, [one], [['__proto__', info]])],
            occasion,
          )
          const [hit] = (await readHits(stores, { limit: 1 }, NEVER)).hits
          expect(hit).toMatchObject({
            field: storable(field),
            observable: storable(observable),
            label: storable(info),
            event: { info: storable(info), source: storable(source) },
          })
          expect(hit?.fields[storable(field)]).toContain(storable(observable))
          expect(Object.hasOwn(hit!.fields, '__proto__')).toBe(true)
          const asked = { value: observable, event: 'e1', source, label: info, limit: 500 }
          const found = await readHits(stores, asked, NEVER)
          expect(found.hits.map(({ id }) => id)).toContain(hit!.id)
          await markHit(stores, { id: hit!.id, by: field, why: observable, now: START }, NEVER)
          expect((await readHit(stores, hit!.id, NEVER))?.falsePositive).toEqual({
            at: START,
            by: storable(field),
            why: storable(observable),
          })
          JSON.parse(JSON.stringify(hitDocument(hit!)))
        }),
        fuzz(300),
      )
    })
  }, 180_000)

  it('keeps all of a text that has a NUL in it, and finds it by that', async () => {
    await withStore(async (stores) => {
      const observable = 'invoice\0.exe'
      const occasion = { way: 'enrich', label: '', now: START } as const
      recordLines(stores.db, [line(1, START, [met('x', { observable })])], occasion)
      const [hit] = (await readHits(stores, { value: observable, limit: 9 }, NEVER)).hits
      expect(hit?.observable).toBe('invoice\ufffd.exe')
      expect(countLogHits(stores.db, 'invoice')).toBe(0)
      expect(eraseLogHits(stores.db, observable)).toBe(1)
    })
  })

  it('finds an address as logs spell it, and forgets it however it is spelled', async () => {
    await withStore(async (stores) => {
      const occasion = { way: 'enrich', label: '', now: START } as const
      const spelled = [
        '2001:db8::7',
        '2001:0db8:0000:0000:0000:0000:0000:0007',
        '2001:DB8:0::7',
        '::ffff:192.0.2.7',
        '192.0.2.7',
      ]
      for (const [n, address] of spelled.entries()) {
        const one = line(n + 1, START, [met('198.51.100.1')], [['source.ip', address]])
        recordLines(stores.db, [one], occasion)
      }
      const found = async (value: string) =>
        (await readHits(stores, { value, limit: 9 }, NEVER)).hits.length
      expect(await found('2001:db8::7')).toBe(2)
      expect(await found('192.0.2.7')).toBe(2)
      expect(countLogHits(stores.db, '2001:db8:0:0::7')).toBe(3)
      expect(eraseLogHits(stores.db, '2001:db8:0:0::7')).toBe(3)
      expect(eraseLogHits(stores.db, '192.0.2.7')).toBe(2)
      expect(await allHits(stores, 9)).toEqual([])
    })
  })

  it('believes no time that can not be, and finds who of ours it was', async () => {
    await withStore(async (stores) => {
      const occasion = { way: 'enrich', label: '', now: START } as const
      const times = [START + 3_600_000, 0, -5, START - 5]
      const lines = times.map((at, n) =>
        line(n, at, [met('198.51.100.1')], [['source.ip', '192.0.2.9']]),
      )
      recordLines(stores.db, lines, occasion)
      const hits = await allHits(stores, 10)
      expect(hits.map(({ first }) => first - START)).toEqual([0, 0, 0, -5])
      expect(hits[0]?.inside).toEqual({ address: '192.0.2.9', network: 'campus' })
      await expect(readHits(stores, { limit: 1, cursor: 'x' }, NEVER)).rejects.toThrow('cursor')
    })
  })
})
