/** The thread exists only compiled, so it is taken from the build. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openForReading } from '../../src/ledger/database.js'
import { type Page, type PageOptions, pagesOf } from '../../src/ledger/pages.js'
import { StateReader } from '../../src/ledger/states.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { attribute, event, pullInto } from './rows.js'

type ReadAhead = (dataDir: string, options: PageOptions) => AsyncGenerator<Page>

const BUILT = join(import.meta.dirname, '../../.build/src/ledger/read-ahead.js')
const { readAhead } = (await import(pathToFileURL(BUILT).href)) as { readAhead: ReadAhead }

const OPTIONS = { size: 7, retired: false }

let folder: string
let writer: LedgerWriter
let main: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-ahead-'))
  writer = new LedgerWriter(folder)
  main = writer.registerSources(['main'])[0]!.id
  pullInto(writer, {
    source: main,
    events: [event('e1')],
    attributes: Array.from({ length: 100 }, (_, n) => attribute('e1', `a${n}`, `c${n}.example`)),
  })
})
afterEach(() => {
  writer.close()
  rmSync(folder, { recursive: true, force: true })
})

async function pagesAhead(): Promise<Page[]> {
  const pages: Page[] = []
  for await (const page of readAhead(folder, OPTIONS)) pages.push(page)
  return pages
}

/** The event goes from the ledger. */
function removeAll(): void {
  pullInto(writer, { source: main, departures: ['e1'] })
}

describe('reading ahead in a thread', () => {
  it('gives the same pages as reading here', async () => {
    const db = openForReading(folder)
    const pages = await pagesAhead()
    expect(pages).toEqual([...pagesOf(db, OPTIONS)])
    expect(pages.length).toBeGreaterThan(10)
    db.close()
  })

  it('is one snapshot; what has gone since is left out, and stands in the log behind it', async () => {
    const states = new StateReader(openForReading(folder))
    let removed = false
    async function* pages(options: PageOptions) {
      for await (const page of readAhead(folder, options)) {
        if (!removed) removeAll()
        removed = true
        yield page
      }
    }
    let [keys, carriers, seq] = [0, 0, 0]
    for await (const batch of states.everythingOf(pages, 7)) {
      keys += batch.states.length
      carriers += batch.states.reduce((sum, state) => sum + state.carriers.length, 0)
      seq = batch.seq
    }
    expect([keys, carriers]).toEqual([100, 0])
    const after = states.touchedAfter(seq, 1000)?.states ?? []
    expect(after).toHaveLength(100)
    expect(after.every((state) => state.carriers.length === 0)).toBe(true)
    states.close()
  })

  it('tells of events as they are now, however often it has read them', async () => {
    const states = new StateReader(openForReading(folder))
    const titles = async () => {
      const seen = new Set<string>()
      const pages = (options: PageOptions) => readAhead(folder, options)
      for await (const batch of states.everythingOf(pages, 7)) {
        for (const { carriers } of batch.states) seen.add(carriers[0]!.eventInfo)
      }
      return [...seen]
    }
    expect(await titles()).toEqual(['about e1'])
    const renamed = event('e1', { timestamp: 1001, info: 'renamed' })
    const attributes = Array.from({ length: 100 }, (_, n) =>
      attribute('e1', `a${n}`, `c${n}.example`),
    )
    pullInto(writer, { source: main, events: [renamed], attributes })
    expect(await titles()).toEqual(['renamed'])
    states.close()
  })

  it('ends its thread when it is left', async () => {
    for await (const page of readAhead(folder, OPTIONS)) {
      expect(page.seq).toBeGreaterThan(0)
      break
    }
    removeAll()
    expect(await pagesAhead()).toEqual([])
  })

  it('reads no more ahead than it is told to', async () => {
    const thread = new Worker(BUILT.replace(/\.js$/, '-thread.js'), {
      workerData: { ...OPTIONS, dataDir: folder, ahead: 3 },
    })
    let pages = 0
    thread.on('message', () => {
      pages += 1
    })
    while (pages < 3) await sleep(10)
    await sleep(300)
    expect(pages).toBe(3)
    thread.postMessage(null)
    while (pages < 4) await sleep(10)
    await sleep(300)
    expect(pages).toBe(4)
    await thread.terminate()
  })

  it('says what is wrong as reading here does', async () => {
    const pages = readAhead(join(folder, 'missing'), OPTIONS)
    await expect(pages.next()).rejects.toMatchObject({ name: 'LedgerError' })
  })
})
