/** One source, pulled on its schedule and when somebody asks. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SourceKeeper } from '../../src/daemon/source-keeper.js'
import type { Works } from '../../src/daemon/works.js'
import { mispSourceSettings } from '../../src/misp/settings.js'
import { openSource } from '../../src/sync/open-source.js'
import type { Source } from '../../src/sync/source.js'
import { type Standin, startStandin } from '../misp/standin.js'
import { openWorks } from './works.js'

let folder: string
let misp: Standin
let works: Works
let source: Source
let keeper: SourceKeeper
let stop: AbortController

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-source-'))
  misp = await startStandin()
  works = await openWorks(folder)
  const { url, keys } = misp
  const settings = mispSourceSettings.parse({ name: 'main', type: 'misp', url, key: keys.readonly })
  await works.ledger.writer.registerSources(['main'])
  const { log, metrics } = works
  source = openSource(settings, { log, metrics, attempts: 1 })
  keeper = new SourceKeeper({ works, settings, source, onApplied: () => undefined })
  stop = new AbortController()
})
afterEach(async () => {
  await source.close()
  await works.ledger.close()
  await misp.close()
  rmSync(folder, { recursive: true })
})

it('whoever asks for a pull is answered by one that begins after that', async () => {
  const ended = keeper.run(stop.signal)
  await keeper.tried
  expect(await keeper.pullNow([])).toMatchObject({ ok: true, source: 'main' })
  stop.abort()
  await ended
  expect(await keeper.pullNow([])).toBeNull()
})

it.each(['before', 'after'] as const)(
  'whoever asks for a pull is told that there is none, where it is stopped right %s that',
  async (when) => {
    const ended = keeper.run(stop.signal)
    await keeper.pullNow([])
    // Until it waits for the next one.
    await sleep(200)
    if (when === 'before') stop.abort()
    const asked = keeper.pullNow([])
    stop.abort()
    await ended
    expect(await asked).toBeNull()
  },
)
