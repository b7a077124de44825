/** Where the engine of a data folder lives, and how it tells where to find it. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface EnginePlace {
  /** chDB's own folder. It locks it: a second engine on the same data can't start. */
  readonly data: string
  readonly spool: string
  readonly log: string
  /** What the engine itself warns of, such as a view that fails; bounded. */
  readonly warnings: string
  /** Names the process that serves, and how to reach it. */
  readonly address: string
  readonly socket: string
}

/** How a running engine is reached. */
export interface EngineAddress {
  readonly pid: number
  /** Path of the unix socket. */
  readonly socket: string
  /** Where outside readers are served, e.g. `http://127.0.0.1:8123`; null: nowhere. */
  readonly readers: string | null
  /** Of what it was started with. */
  readonly settings: string
}

export function enginePlace(dataDir: string): EnginePlace {
  return {
    data: join(dataDir, 'engine.data'),
    spool: join(dataDir, 'engine.spool'),
    log: join(dataDir, 'engine.log'),
    warnings: join(dataDir, 'engine.warnings.log'),
    address: join(dataDir, 'engine.json'),
    socket: join(dataDir, 'engine.sock'),
  }
}

/** null: no engine runs, or none that told. Whether it answers has to be tried. */
export function readAddress(place: EnginePlace): EngineAddress | null {
  try {
    return JSON.parse(readFileSync(place.address, 'utf8')) as EngineAddress
  } catch (error) {
    if (error instanceof SyntaxError) return null
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

export function writeAddress(place: EnginePlace, address: EngineAddress): void {
  const fresh = `${place.address}.${process.pid}`
  writeFileSync(fresh, JSON.stringify(address), { mode: 0o600 })
  renameSync(fresh, place.address)
}

/** Only what this process has written. */
export function removeAddress(place: EnginePlace): void {
  if (readAddress(place)?.pid === process.pid) rmSync(place.address, { force: true })
}
