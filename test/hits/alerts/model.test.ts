/**
 * Taking, digests and the limit of the hour against a model that keeps everything in plain lists, while
 * receivers come and go, indicators are revoked and restarts happen. The numbers are those of
 * docs/spec/alerts.md.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AlertRefused, ChannelUnavailable } from '../../../src/errors.js'
import type { Alert } from '../../../src/hits/alerts/alert.js'
import type { Channel } from '../../../src/hits/alerts/channels/channel.js'
import { type DeliverDeps, deliver } from '../../../src/hits/alerts/deliver.js'
import type { ToldAlert } from '../../../src/hits/alerts/disclose.js'
import { AlertStore, HOUR_MS } from '../../../src/hits/alerts/store.js'
import { closeDigests, type TakeDeps, take } from '../../../src/hits/alerts/take.js'
import { openHits } from '../../../src/hits/database.js'
import type { Hit } from '../../../src/hits/hit.js'
import { silentLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import { fuzz } from '../../fuzz.js'
import { hitOf, NEVER, NOW, settingsOf } from './facts.js'

const MINUTE = 60_000
const MAX = 3

type Step =
  | {
      readonly do: 'hits'
      readonly hits: readonly { value: number; inside: number; age: number }[]
    }
  | { readonly do: 'wait'; readonly minutes: number }
  | { readonly do: 'receiver'; readonly is: 'up' | 'down' | 'picky' }
  | { readonly do: 'restart' }

const small = fc.record({
  value: fc.nat(2),
  inside: fc.nat(2),
  age: fc.constantFrom(0, 1, 60 * 30),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('hits' as const),
      hits: fc.array(small, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      minutes: fc.constantFrom(1, 20, 59, 61, 180, 60 * 30),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('receiver' as const),
      is: fc.constantFrom('up' as const, 'down' as const, 'picky' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) },
)

/** No power fails here. */
function quick(db: ReturnType<typeof openHits>) {
  db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY')
  return db
}

/** The house under test, with a clock that we turn. */
class House {
  readonly folder = mkdtempSync(join(tmpdir(), 'tipline-alerts-'))
  readonly received: ToldAlert[] = []
  now = NOW
  receiver: 'up' | 'down' | 'picky' = 'up'
  readonly settings = settingsOf({
    type: 'webhook',
    url: 'http://127.0.0.1/',
    disclose: 'red',
    max_per_hour: MAX,
    max_age: '24h',
    again_after: '2h',
  })
  #db = quick(openHits(this.folder))
  store = new AlertStore(this.#db)
  #n = 0

  restart(): void {
    this.#db.close()
    this.#db = quick(openHits(this.folder))
    this.store = new AlertStore(this.#db)
  }

  close(): void {
    this.#db.close()
    rmSync(this.folder, { recursive: true })
  }

  take(hits: readonly Hit[]): void {
    take(hits, { accept: () => undefined, now: this.now }, this.#takeDeps())
  }

  hit({ value, inside, age }: { value: number; inside: number; age: number }): Hit {
    this.#n += 1
    const at = this.now - age * MINUTE
    return hitOf({
      id: `log-${this.#n.toString(16).padStart(16, '0')}`,
      indicator: { kind: 'domain', value: `v${value}.example` },
      inside: { address: `192.0.2.${inside}`, network: null },
      first: at,
      last: at,
      label: `n${this.#n}`,
    })
  }

  async round(): Promise<void> {
    closeDigests(this.now, this.#takeDeps())
    await deliver(this.#deliverDeps(), { stop: NEVER, cut: NEVER })
  }

  #takeDeps(): TakeDeps {
    const around = { networkOf: () => 'campus', tagsOf: () => [] }
    return { store: this.store, settings: [this.settings], around }
  }

  #deliverDeps(): DeliverDeps {
    const channel: Channel = {
      name: this.settings.name,
      send: async (alert) => {
        if (this.receiver === 'down') throw new ChannelUnavailable({ what: 'down', channel: 'soc' })
        if (this.receiver === 'picky') throw new AlertRefused({ what: 'no', channel: 'soc' })
        this.received.push(alert)
        return 'ok'
      },
      close: async () => undefined,
    }
    return {
      store: this.store,
      ledger: () => null,
      channel,
      settings: this.settings,
      untagged: 'amber',
      log: silentLogger(),
      metrics: new Metrics(),
      clock: () => this.now,
      // The shortest wait, so that what is due is due at the next round.
      random: () => 0,
    }
  }
}

function bodies(house: House, states: string): Alert[] {
  const rows = house.store.db
    .prepare(`SELECT body FROM alert WHERE state IN (${states})`)
    .all() as { body: string }[]
  return rows.map(({ body }) => JSON.parse(body) as Alert)
}

const counted = (alerts: readonly { sights: readonly { count: number }[] }[]) =>
  alerts.flatMap(({ sights }) => sights).reduce((sum, { count }) => sum + count, 0)

describe('alerts', () => {
  it('lose and double no hit, tell first sights at once and never too many (A1, A2, A3, A4, A5)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const house = new House()
        let taken = 0
        /** Pair to when it was last met by the clock of the house. */
        const known = new Map<string, number>()
        for (const each of steps) {
          if (each.do === 'wait') house.now += each.minutes * MINUTE
          else if (each.do === 'receiver') house.receiver = each.is
          else if (each.do === 'restart') house.restart()
          else {
            const before = queued(house)
            const toldInHour = before.filter(
              ({ kind, at }) => kind === 'hit' && at > house.now - HOUR_MS,
            ).length
            house.take(each.hits.map((hit) => house.hit(hit)))
            taken += each.hits.length
            const made = queued(house).slice(before.length)
            expectFirstSights({ house, hits: each.hits, known, made, toldInHour })
          }
          await house.round()
          // A1: every hit is in exactly one place.
          const waiting = counted(
            house.store.waitingSights('soc').map(({ sight }) => ({ sights: [sight] })),
          )
          const pending = counted(bodies(house, `'waiting', 'sending', 'parked'`))
          expect(counted(house.received) + pending + waiting).toBe(taken)
        }
        // A2: nothing comes twice.
        const ids = house.received.map(({ id }) => id)
        expect(new Set(ids).size).toBe(ids.length)
        // A5: in any hour no more first sights than the limit, and one word of it.
        const made = queued(house)
        for (const { at } of made) {
          const inHour = made.filter((one) => one.at <= at && one.at > at - HOUR_MS)
          expect(inHour.filter(({ kind }) => kind === 'hit').length).toBeLessThanOrEqual(MAX)
          expect(inHour.filter(({ kind }) => kind === 'flood').length).toBeLessThanOrEqual(1)
        }
        // What waits at the end is told once the receiver is there.
        house.receiver = 'up'
        house.now += 2 * HOUR_MS
        await house.round()
        house.now += 2 * HOUR_MS
        await house.round()
        expect(counted(house.received) + counted(bodies(house, `'parked'`))).toBe(taken)
        house.close()
      }),
      fuzz(200),
    )
  })
})

function queued(house: House): { kind: string; at: number }[] {
  return house.store.db.prepare('SELECT kind, at FROM alert ORDER BY number').all() as never
}

function expectFirstSights(input: {
  house: House
  hits: readonly { value: number; inside: number; age: number }[]
  known: Map<string, number>
  made: readonly { kind: string }[]
  toldInHour: number
}): void {
  const { house, hits, known, made, toldInHour } = input
  const pairs = new Map<string, number>()
  for (const { value, inside, age } of hits) {
    const pair = `${value} ${inside}`
    pairs.set(pair, Math.min(pairs.get(pair) ?? Number.POSITIVE_INFINITY, age))
  }
  const fresh = [...pairs].filter(([, youngest]) => youngest <= 24 * 60)
  const first = fresh.filter(([pair]) => {
    const last = known.get(pair)
    return last === undefined || house.now - last >= 2 * HOUR_MS
  })
  // A3: as many at once as are new, while there is room; A4: the others wait.
  const room = Math.max(0, MAX - toldInHour)
  expect(made.filter(({ kind }) => kind === 'hit')).toHaveLength(Math.min(first.length, room))
  for (const [pair] of fresh) known.set(pair, house.now)
}
