/** Pages read in a thread of their own, ahead of whoever takes them. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Fault, fromFault } from './crossing.js'
import { openForReading } from './database.js'
import { type Page, type PageOptions, pagesOf } from './pages.js'

export interface ReadAheadData extends PageOptions {
  readonly dataDir: string
  /** Pages that are read before they are asked for. */
  readonly ahead: number
}

export type ReadAheadMessage = { readonly page: Page | null } | { readonly fault: Fault }

const AHEAD = 4

/** Absent where the sources run uncompiled (tests): then they are read here. */
const THREAD = fileURLToPath(new URL('./read-ahead-thread.js', import.meta.url))

/** @throws LedgerError */
export async function* readAhead(dataDir: string, options: PageOptions): AsyncGenerator<Page> {
  if (existsSync(THREAD)) yield* fromThread({ ...options, dataDir, ahead: AHEAD })
  else yield* fromHere(dataDir, options)
}

async function* fromHere(dataDir: string, options: PageOptions): AsyncGenerator<Page> {
  const db = openForReading(dataDir)
  try {
    yield* pagesOf(db, options)
  } finally {
    db.close()
  }
}

async function* fromThread(data: ReadAheadData): AsyncGenerator<Page> {
  const worker = new Worker(THREAD, { workerData: data })
  const messages: ReadAheadMessage[] = []
  let wake: () => void = () => undefined
  const take = (message: ReadAheadMessage) => {
    messages.push(message)
    wake()
  }
  worker.on('message', take)
  worker.on('error', (error) => take({ fault: { bug: error.stack ?? error.message } }))
  // After its last page nobody listens any more.
  worker.on('exit', () => take({ fault: { bug: 'the thread that reads the ledger ended' } }))
  try {
    while (true) {
      const message = messages.shift()
      if (message === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      if ('fault' in message) throw fromFault(message.fault)
      if (message.page === null) return
      worker.postMessage(null)
      yield message.page
    }
  } finally {
    await worker.terminate()
  }
}
