/**
 * Flows and log lines for the soak test, of which it is known which must hit: they go to addresses of an
 * event that nobody touches. Lines are sent until the answer is whole, as a shipper of logs does it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from '@photostructure/sqlite'
import { writeCapture } from '../../test/flows/capture.js'
import type { Store } from '../../test/misp/store.js'
import { ROOT } from '../process.js'

export interface TrafficOptions {
  /** Also of the config. */
  readonly folder: string
  readonly dataDir: string
  readonly store: Store
  /** Of the daemon's API. */
  readonly url: string
}

export interface TrafficVerdict {
  readonly equal: boolean
  readonly flows: number
  readonly lines: number
  readonly expected: number
  readonly lost: number
  readonly doubled: number
  /** That should not be there. */
  readonly foreign: number
  /** A few of them. */
  readonly wrong: readonly string[]
  /** Times that lines had to be sent again. */
  readonly again: number
}

const INDICATORS = 50
const IN_A_FILE = 20
const IN_A_BATCH = 20
/** One batch in so many goes through `tipline enrich --record`. */
const BY_COMMAND = 25
const PATIENCE_MS = 15_000

export class Traffic {
  readonly watched: string
  /** The id of the event that has the addresses. */
  readonly event: number
  readonly #options: TrafficOptions
  /** Each hit that must be there, once. */
  readonly #expected = new Set<string>()
  /** Hours of the past, so that files have names of their own. */
  readonly #from = Math.floor(Date.now() / 3_600_000 - 30) * 3600
  #captures = 0
  #flows = 0
  #lines = 0
  #batches = 0
  #again = 0
  #ends = false
  #logging: Promise<void> = Promise.resolve()

  constructor(options: TrafficOptions) {
    this.#options = options
    this.watched = join(options.folder, 'flows')
    const attributes = Array.from({ length: INDICATORS }, (_, n) => ({
      type: 'ip-dst',
      value: outside(n),
    }))
    this.event = options.store.addEvent({ info: 'Known to the soak test', attributes }).id
    options.store.publish(this.event)
  }

  /** Once the addresses are known; from then on lines come until the end. */
  async begin(): Promise<void> {
    while (!(await this.#isLive())) await sleep(200)
    while (!this.#isFollowed()) await sleep(200)
    this.#logging = this.#log()
  }

  /** All lines that were begun have been answered. */
  async end(): Promise<void> {
    this.#ends = true
    await this.#logging
  }

  /** A file of flows; each second one goes to an indicator. It appears at once, as nfcapd does it. */
  capture(): void {
    const number = this.#captures
    this.#captures += 1
    const at = this.#from + (number % 24) * 3600 + 60 + Math.floor(number / 24)
    const packets = Array.from({ length: IN_A_FILE }, (_, n) => {
      const sa = inside(number + n)
      const da = n % 2 === 0 ? outside(number + n) : HARMLESS
      if (n % 2 === 0) this.#expected.add(nameOf({ kind: 'flow', at: at * 1000, sa, da }))
      return { at, sa: spelledOut(sa), da: spelledOut(da), dp: 443 }
    })
    this.#flows += packets.length
    const made = join(this.#options.folder, `capture-${number}`)
    writeCapture(made, packets)
    renameSync(made, join(this.watched, String(number)))
  }

  /** Of the hits as the API tells them, against what was sent. */
  async verdict(): Promise<TrafficVerdict> {
    const there = new Map<string, number>()
    for (const name of await this.#hits()) there.set(name, (there.get(name) ?? 0) + 1)
    const lost = [...this.#expected].filter((name) => !there.has(name))
    const doubled = [...there].filter(([, times]) => times > 1).map(([name]) => name)
    const foreign = [...there.keys()].filter((name) => !this.#expected.has(name))
    return {
      equal: lost.length + doubled.length + foreign.length === 0,
      flows: this.#flows,
      lines: this.#lines,
      expected: this.#expected.size,
      lost: lost.length,
      doubled: doubled.length,
      foreign: foreign.length,
      wrong: [...lost, ...doubled, ...foreign].slice(0, 5),
      again: this.#again,
    }
  }

  async #log(): Promise<void> {
    while (!this.#ends) {
      const lines = this.#batch()
      while (!(await this.#send(lines))) {
        this.#again += 1
        await sleep(200)
      }
      await sleep(100)
    }
  }

  /** Each second line hits. */
  #batch(): string[] {
    const number = this.#batches
    this.#batches += 1
    this.#lines += IN_A_BATCH
    return Array.from({ length: IN_A_BATCH }, (_, n) => {
      // No two lines are of the same millisecond.
      const at = this.#from * 1000 + number * IN_A_BATCH + n
      const sa = inside(number + n)
      const da = n % 2 === 0 ? outside(number + n) : HARMLESS
      if (n % 2 === 0) this.#expected.add(nameOf({ kind: 'log', at, sa, da }))
      const [source, destination] = [{ ip: sa }, { ip: da }]
      return JSON.stringify({ '@timestamp': new Date(at).toISOString(), source, destination })
    })
  }

  /** Whether every line has come back. */
  async #send(lines: readonly string[]): Promise<boolean> {
    const body = `${lines.join('\n')}\n`
    if (this.#batches % BY_COMMAND === 0) return await this.#enrich(body)
    try {
      const answer = await fetch(`${this.#options.url}/v1/enrich?record=soak`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body,
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      return answer.ok && (await answer.text()).split('\n').length === lines.length + 1
    } catch {
      // It is being killed, or has not begun yet.
      return false
    }
  }

  async #enrich(body: string): Promise<boolean> {
    const main = join(ROOT, '.build/src/cli/main.js')
    const config = join(this.#options.folder, 'tipline.yml')
    const args = [main, 'enrich', '--record', '--label', 'soak', '-c', config]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin.end(body)
    const [status] = (await once(child, 'exit')) as [number | null]
    return status === 0
  }

  async #isLive(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.#options.url}/v1/lookup?value=${outside(0)}`)
      return answer.ok && (await answer.text()).includes('ip-dst')
    } catch {
      return false
    }
  }

  /** From then on each hit is news to alerts. */
  #isFollowed(): boolean {
    const path = join(this.#options.dataDir, 'hits.db')
    if (!existsSync(path)) return false
    const db = new DatabaseSync(path, { readOnly: true })
    try {
      const found = db.prepare(`SELECT flow_from AS at FROM follower WHERE name = 'alerts'`).get()
      return ((found as { at: number } | undefined)?.at ?? -1) >= 0
    } catch {
      // Its tables are being made.
      return false
    } finally {
      db.close()
    }
  }

  async #hits(): Promise<string[]> {
    const names: string[] = []
    let cursor = ''
    do {
      const page = await this.#page(cursor)
      // While ClickHouse is started anew; nothing of it counts.
      if (page === null) return []
      for (const { kind, first, inside, observable } of page.hits) {
        const at = Date.parse(first)
        names.push(nameOf({ kind, at, sa: inside?.address ?? '', da: observable }))
      }
      cursor = page.next === null ? '' : `&cursor=${encodeURIComponent(page.next)}`
    } while (cursor !== '')
    return names
  }

  async #page(cursor: string): Promise<HitPage | null> {
    try {
      const answer = await fetch(`${this.#options.url}/v1/hits?limit=1000&since=90d${cursor}`)
      return answer.ok ? ((await answer.json()) as HitPage) : null
    } catch {
      return null
    }
  }
}

interface HitPage {
  readonly hits: readonly {
    readonly kind: 'flow' | 'log'
    readonly first: string
    readonly inside: { readonly address: string } | null
    readonly observable: string
  }[]
  readonly next: string | null
}

function nameOf(hit: { kind: string; at: number; sa: string; da: string }): string {
  return `${hit.kind} ${new Date(hit.at).toISOString()} ${hit.sa} ${hit.da}`
}

/** Addresses that the stand-in's world does not have: most of its own are random. */
function outside(n: number): string {
  return `2001:db8:ffff::${(1 + (n % INDICATORS)).toString(16)}`
}

function inside(n: number): string {
  return `2001:db8:fffe::${(1 + (n % 60_000)).toString(16)}`
}

/** As a capture wants it. */
function spelledOut(address: string): string {
  return address.replace('::', ':0:0:0:0:')
}

const HARMLESS = '2001:db8:fffd::1'
/** In which the inside addresses lie. */
export const NETWORK = '2001:db8:fffe::/48'
