/** The thread that reads pages; each message to it asks for one more than the first few. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { toFault } from './crossing.js'
import { openForReading } from './database.js'
import { pagesOf } from './pages.js'
import type { ReadAheadData, ReadAheadMessage } from './read-ahead.js'
import { asLedgerError } from './sqlite.js'

const { dataDir, ahead, ...options } = workerData as ReadAheadData
const tell = (message: ReadAheadMessage) => parentPort!.postMessage(message)

try {
  await read()
} catch (error) {
  tell({ fault: toFault(asLedgerError(error, dataDir)) })
}

async function read(): Promise<void> {
  let asked = ahead
  parentPort!.on('message', () => {
    asked += 1
  })
  const db = openForReading(dataDir)
  for (const page of pagesOf(db, options)) {
    while (asked === 0) await once(parentPort!, 'message')
    asked -= 1
    tell({ page })
    // For what was asked meanwhile to be heard.
    if (asked === 0) await new Promise(setImmediate)
  }
  db.close()
  tell({ page: null })
}
