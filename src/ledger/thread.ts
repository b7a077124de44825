/** The thread in which the ledger's writer lives: one command after the other, in their order. */
import { parentPort, workerData } from 'node:worker_threads'
import { toFault } from './crossing.js'
import type { Answer, Call } from './ledger.js'
import { asLedgerError } from './sqlite.js'
import { LedgerWriter } from './writer.js'

const { dataDir } = workerData as { dataDir: string }
let writer: LedgerWriter | undefined

parentPort?.on('message', (text: string) => {
  parentPort?.postMessage(JSON.stringify(answer(JSON.parse(text) as Call)))
})

function answer({ id, method, args }: Call): Answer {
  try {
    writer ??= new LedgerWriter(dataDir)
    const commands = writer as unknown as Record<string, (...args: readonly unknown[]) => unknown>
    return { id, ok: true, value: commands[method]!(...args) }
  } catch (error) {
    return { id, ok: false, fault: toFault(asLedgerError(error, dataDir)) }
  }
}
