/** What `tipline doctor` says of this machine and of the data folder. */
import { accessSync, constants, statfsSync, statSync } from 'node:fs'
import { TiplineError } from '../errors.js'
import { ledgerExists } from '../ledger/database.js'
import { examineLedger } from '../ledger/examine.js'
import type { Finding } from './finding.js'
import { bytes } from './words.js'

export function diagnoseMachine(): Finding[] {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const message = `Node ${process.version} on ${process.platform}; time zone ${timeZone}, times are shown in UTC`
  return [{ area: 'machine', level: 'ok', message }]
}

export interface LedgerDiagnosis {
  readonly findings: readonly Finding[]
  readonly id: string | undefined
}

const area = 'ledger'

export function diagnoseLedger(dataDir: string): LedgerDiagnosis {
  if (!ledgerExists(dataDir)) {
    const message = `there is none yet in ${dataDir}`
    const hint = 'the first tipline sync makes it'
    return { findings: [{ area, level: 'warn', message, hint }], id: undefined }
  }
  try {
    const { id, bytes: size, verdict, sqlite } = examineLedger(dataDir)
    const findings = [whole({ dataDir, size, verdict, sqlite }), ...folder(dataDir, size)]
    return { findings, id }
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const { message, hint } = error
    return { findings: [{ area, level: 'error', message, ...(hint && { hint }) }], id: undefined }
  }
}

function whole(ledger: {
  dataDir: string
  size: number
  verdict: string
  sqlite: string
}): Finding {
  const { dataDir, size, verdict, sqlite } = ledger
  if (verdict === 'ok') {
    const message = `${bytes(size)} in ${dataDir}, whole (SQLite ${sqlite})`
    return { area, level: 'ok', message }
  }
  const hint = 'restore a backup (tipline restore), or move the folder away and sync anew'
  return { area, level: 'error', message: `is damaged: ${verdict}`, hint }
}

function folder(dataDir: string, size: number): Finding[] {
  return [writable(dataDir), ...readableByOthers(dataDir), space(dataDir, size)].flat()
}

function writable(dataDir: string): Finding[] {
  try {
    accessSync(dataDir, constants.W_OK)
    return []
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const message = `this user can't write to ${dataDir} (${code ?? 'unknown'})`
    return [{ area, level: 'error', message, hint: 'run tipline as the user who owns it' }]
  }
}

function readableByOthers(dataDir: string): Finding[] {
  const others = (statSync(dataDir).mode & 0o007) !== 0
  if (!others || process.platform === 'win32') return []
  const message = `everyone on this machine can read ${dataDir}, whatever the TLP`
  return [{ area, level: 'warn', message, hint: `chmod o-rwx ${dataDir}` }]
}

/** A migration and a pull each need the ledger's size once more. */
function space(dataDir: string, size: number): Finding[] {
  const { bavail, bsize } = statfsSync(dataDir)
  const free = bavail * bsize
  const message = `${bytes(free)} free on its disk`
  if (free > Math.max(2 * size, MIN_FREE)) return [{ area, level: 'ok', message }]
  return [{ area, level: 'warn', message, hint: 'a pull may need twice the size of the ledger' }]
}

const MIN_FREE = 256 * 1024 * 1024
