/** The log in a file: kept small by itself, as misp2ch's was. */
import { appendFileSync, renameSync, statSync } from 'node:fs'
import { UsageError } from '../errors.js'

const LARGEST = 10_000_000
const KEPT = 2

/** What is written is in the file when the call returns. @throws UsageError */
export function openLogFile(file: string): { write(line: string): void } {
  try {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LARGEST) rotate(file)
    appendFileSync(file, '')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const hint = 'name a file in a folder that exists and may be written to'
    throw new UsageError({ what: `the log file ${file} can not be written (${code})`, hint, cause })
  }
  return { write: (line) => appendFileSync(file, line) }
}

function rotate(file: string): void {
  for (let number = KEPT - 1; number >= 1; number--) {
    if (statSync(`${file}.${number}`, { throwIfNoEntry: false })) {
      renameSync(`${file}.${number}`, `${file}.${number + 1}`)
    }
  }
  renameSync(file, `${file}.1`)
}
