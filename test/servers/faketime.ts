/**
 * A clock on the wall that a test sets for one process, by Debian's libfaketime. The clock that only
 * runs, files' times and all other processes stay as they are.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether tests with a clock that jumps run. @throws under CI, where it may not be missing */
export function hasFaketime(): boolean {
  if (library() !== null) return true
  const message = 'libfaketime is missing (apt-get install libfaketime)'
  if (process.env.CI === 'true') throw new Error(message)
  console.warn(`skipped: ${message}`)
  return false
}

/** A folder for each architecture. */
const LIBRARIES = '/usr/lib'

function library(): string | null {
  if (!existsSync(LIBRARIES)) return null
  const found = readdirSync(LIBRARIES).map((each) => {
    return join(LIBRARIES, each, 'faketime/libfaketimeMT.so.1')
  })
  return found.find((path) => existsSync(path)) ?? null
}

export class WallClock {
  readonly #file: string
  #seconds = 0

  constructor(folder: string) {
    this.#file = join(folder, 'faketime')
    this.set(0)
  }

  /** Of the process that is to have this clock. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: library() ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    }
  }

  /** Seconds from the true time. */
  set(seconds: number): void {
    this.#seconds = seconds
    writeFileSync(this.#file, `${seconds < 0 ? '' : '+'}${seconds}`)
  }

  /** What it shows, as epoch seconds. */
  get now(): number {
    return Date.now() / 1000 + this.#seconds
  }
}
