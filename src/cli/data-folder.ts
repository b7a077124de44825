/** The ledger for commands that only read it: found quickly, opened for reading. */
import { resolve } from 'node:path'
import { ledgerExists, openForReading } from '../ledger/database.js'
import type { Database } from '../ledger/sqlite.js'
import type { Context } from './context.js'

/** Absolute. @throws ConfigError */
export async function dataFolder(context: Context): Promise<string> {
  const { dataDir } = context.options
  if (dataDir !== undefined) return resolve(dataDir)
  const found = await configured(context)
  // Where there is no ledger, the rest of the config may tell why.
  return found !== undefined && ledgerExists(found) ? found : thoroughly(context)
}

/** Where a ledger is to come, which need not be there yet. Absolute. @throws ConfigError */
export async function dataFolderToFill(context: Context): Promise<string> {
  const { dataDir } = context.options
  if (dataDir !== undefined) return resolve(dataDir)
  return (await configured(context)) ?? thoroughly(context)
}

/** Opens the ledger for `work`, which only reads. @throws ConfigError, LedgerError */
export async function readingLedger<T>(
  context: Context,
  work: (db: Database, dataDir: string) => T | Promise<T>,
): Promise<T> {
  const dataDir = await dataFolder(context)
  const db = openForReading(dataDir)
  try {
    return await work(db, dataDir)
  } finally {
    db.close()
  }
}

/** Loaded only where there is a config to read: YAML takes longer than all the rest. */
async function configured({ options, env }: Context): Promise<string | undefined> {
  const { findDataDir } = await import('../config/place.js')
  return findDataDir(options.config, env)
}

async function thoroughly(context: Context): Promise<string> {
  const { loadConfig } = await import('../config/load.js')
  const { dataDir } = await loadConfig(context.options.config, context.env)
  return dataDir
}
