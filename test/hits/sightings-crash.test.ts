/** SIGKILL between any two statements of the queue of sightings: MISP has each once, at its time. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import type { LineHits } from '../../src/hits/record.js'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { type Standin, startStandin } from '../misp/standin.js'
import { sightedMisp } from './sighted-misp.js'
import type { CrashWork } from './sightings-crash-main.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = join(root, '.build/test/hits/sightings-crash-main.js')
const hook = join(root, 'test/ledger/kill-at.cjs')
const NOW = 1_795_300_000_000
/** Every statement at the full count. */
const FULL = 100

it('tells each sighting once, killed at any statement and run again (H12)', async () => {
  if (!existsSync(main)) throw new Error('not built: run npm test, or tsc -p tsconfig.dev.json')
  const statements = await inPlace(async (run) => Number((await run()).stdout))
  expect(statements).toBeGreaterThan(20)
  const stride = Math.max(1, Math.round(FULL / fuzzRuns(FULL)))
  let killed = 0
  for (let at = 1 + (fuzzSeed() % stride); at <= statements; at += stride) {
    for (const when of ['before', 'after']) {
      killed += await inPlace(async (run, misp) => {
        const { signal } = await run({ KILL_AT: String(at), KILL_WHEN: when })
        expect((await run()).status).toBe(0)
        expect(sightingsOf(misp), `killed ${when} statement ${at}`).toEqual([
          { attribute_id: 1, date_sighting: NOW / 1000 - 1, source: 'soc', type: 0 },
          { attribute_id: 2, date_sighting: NOW / 1000 - 5, source: 'soc', type: 0 },
        ])
        return signal === 'SIGKILL' ? 1 : 0
      })
    }
  }
  expect(killed).toBeGreaterThan(statements / stride)
}, 600_000)

function sightingsOf(misp: Standin) {
  return misp.store.sightings
    .map(({ attribute_id, date_sighting, source, type }) => {
      return { attribute_id, date_sighting, source, type }
    })
    .sort((one, other) => one.attribute_id - other.attribute_id)
}

interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
}

type Run = (env?: Record<string, string>) => Promise<Ended>

/** A folder and a MISP of its own. */
async function inPlace<T>(work: (run: Run, misp: Standin) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-sightings-'))
  const misp = await startStandin({ store: () => sightedMisp(NOW / 1000) })
  try {
    const { url, keys } = misp
    const lines = [hit(misp, 1, NOW - 9000), hit(misp, 1, NOW - 1000), hit(misp, 2, NOW - 5000)]
    return await work((env) => run({ folder, url, key: keys.user, now: NOW, lines }, env), misp)
  } finally {
    await misp.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function hit({ store }: Standin, attribute: number, at: number): LineHits {
  const { value, uuid, type } = store.attribute(attribute)
  const event = { eventId: '1', eventUuid: store.event(1).uuid, eventInfo: 'C2' }
  const observable = value.split('|')[0]!
  const met = { field: 'destination.ip', observable, kind: 'ip', value, uuid, type, ...event }
  const digest = at.toString(16).padStart(32, '0')
  return { digest, at, observed: [], met: [{ ...met, source: 'main', tlp: '' }] }
}

/** Beside the stand-in, which is in this process. */
async function run(work: CrashWork, env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['-r', hook, main, JSON.stringify(work)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { status, signal, stdout }
}
