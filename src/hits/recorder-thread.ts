/** The thread that writes hits of lines down, so that a slow disk holds up no log. */
import { parentPort, workerData } from 'node:worker_threads'
import { TiplineError } from '../errors.js'
import { type Batch, type BatchAnswer, BatchWriter } from './batch-writer.js'

const writer = new BatchWriter((workerData as { dataDir: string }).dataDir)

parentPort!.on('message', (batch: Batch | 'close') => {
  if (batch === 'close') {
    writer.close()
    parentPort!.close()
  } else parentPort!.postMessage(answerTo(batch))
})

function answerTo(batch: Batch): BatchAnswer {
  try {
    return { ok: true, added: writer.write(batch) }
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    // Crossing threads costs an error its class.
    return { ok: false, what: error.message, hint: error.hint }
  }
}
