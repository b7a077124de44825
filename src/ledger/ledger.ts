/**
 * The ledger's face: one writer behind a thread, readers on connections of their own.
 *
 * The locks are the caller's business (lock.ts): `sync` around a pull, `ship` around writing to sinks.
 * The writer's transactions are short, so a hold by hand gets in between two of them.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Fault, fromFault } from './crossing.js'
import { ledgerId, openForReading } from './database.js'
import type { Page, PageOptions } from './pages.js'
import { readAhead } from './read-ahead.js'
import { asLedgerError, type Database } from './sqlite.js'
import { type ReaderOptions, StateReader } from './states.js'
import { LedgerWriter } from './writer.js'

type Methods = Omit<LedgerWriter, 'close'>

/** Each command of the writer, answered by a promise. */
export type AsyncWriter = {
  readonly [M in keyof Methods]: Methods[M] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<R>
    : never
}

export interface Ledger {
  readonly id: string
  readonly writer: AsyncWriter
  /** A connection that only reads. */
  readonly db: Database
  /** A reader with a connection of its own, so that its snapshots disturb nobody. */
  openStates(options?: ReaderOptions): StateReader
  /** Pages of all that is live, read by another thread. */
  pages(options: PageOptions): AsyncIterable<Page>
  close(): Promise<void>
}

/** Opens for pulling and shipping; creates the ledger where there is none. @throws LedgerError */
export async function openLedger(dataDir: string): Promise<Ledger> {
  const host = existsSync(THREAD) ? await threadHost(dataDir) : directHost(dataDir)
  const db = await openBeside(host, dataDir)
  return {
    id: ledgerId(db),
    writer: asyncWriter(host),
    db,
    openStates: (options) => new StateReader(openForReading(dataDir), options),
    pages: (options) => readAhead(dataDir, options),
    async close() {
      db.close()
      await host.close()
    },
  }
}

/** Where it can't be opened, the writer does not stay behind. */
async function openBeside(host: Host, dataDir: string): Promise<Database> {
  try {
    return openForReading(dataDir)
  } catch (error) {
    await host.close()
    throw error
  }
}

interface Host {
  call(method: string, args: readonly unknown[]): Promise<unknown>
  close(): Promise<void>
}

/** Absent where the sources run uncompiled (tests): then the writer runs in this thread. */
const THREAD = fileURLToPath(new URL('./thread.js', import.meta.url))

function directHost(dataDir: string): Host {
  const writer = new LedgerWriter(dataDir)
  const commands = writer as unknown as Record<string, (...args: readonly unknown[]) => unknown>
  return {
    call: async (method, args) => {
      try {
        return commands[method]!(...args)
      } catch (error) {
        throw asLedgerError(error, dataDir)
      }
    },
    close: async () => writer.close(),
  }
}

/**
 * Calls and answers cross as JSON text: cloning a batch of rows object by object took five times as
 * long as writing and reading it.
 */
export interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly fault: Fault }

async function threadHost(dataDir: string): Promise<Host> {
  const worker = new Worker(THREAD, { workerData: { dataDir } })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  let last = 0
  let broken: unknown
  worker.on('message', (text: string) => {
    const answer = JSON.parse(text) as Answer
    const call = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.ok) call?.resolve(answer.value)
    else call?.reject(fromFault(answer.fault))
  })
  worker.on('error', (error) => {
    broken = error
    for (const call of waiting.values()) call.reject(error)
    waiting.clear()
  })
  const host: Host = {
    call: (method, args) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken)
        last += 1
        waiting.set(last, { resolve, reject })
        worker.postMessage(JSON.stringify({ id: last, method, args } satisfies Call))
      }),
    async close() {
      try {
        if (broken === undefined) await host.call('close', [])
      } finally {
        await worker.terminate()
      }
    },
  }
  // The thread opens the ledger on its first command, so that an error has a caller to go to.
  try {
    await host.call('getMeta', ['ledger_id'])
    return host
  } catch (error) {
    // It would keep the process from ending.
    await worker.terminate()
    throw error
  }
}

function asyncWriter(host: Host): AsyncWriter {
  return new Proxy({} as AsyncWriter, {
    get: (_, method) => {
      // Awaiting the ledger must not look like a command.
      if (typeof method !== 'string' || method === 'then') return undefined
      return (...args: readonly unknown[]) => host.call(method, args)
    },
  })
}
