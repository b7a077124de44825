/** What went wrong at ClickHouse, as an error that says what to do. */
import { ClickHouseError, type ClickHouseFault } from '../errors.js'
import { certificateHint, networkFault, signerHint } from '../net.js'

interface Told {
  /** Of the server, for the message. */
  readonly name: string
  readonly isEmbedded: boolean
  readonly caFile?: string | undefined
}

/** Errors of ours pass; what is no fault of ClickHouse too. */
export function asClickHouseError(error: unknown, { name, isEmbedded, caFile }: Told): unknown {
  if (error instanceof ClickHouseError) return error
  const code = codeOf(error)
  if (code !== null) return refused({ error: error as Error, code, name })
  if (error instanceof Error && /^Timeout error/.test(error.message)) return silent(name, error)
  const network = networkFault(error)
  if (network?.fault === 'timeout') return silent(name, error)
  if (network?.fault === 'tls') {
    return new ClickHouseError({
      what: `${name} showed a certificate that is not trusted (${network.code})`,
      hint: certificateHint(network.code, caFile) ?? signerHint(caFile),
      fault: 'tls',
      cause: error,
    })
  }
  if (network || isHangUp(error)) {
    return new ClickHouseError({
      what: `${name} can not be reached (${network?.code ?? 'it hung up'})`,
      hint: isEmbedded
        ? 'run the command again, which starts it anew; engine.log in the data folder tells more'
        : 'is it running, and is the address right?',
      fault: 'unreachable',
      cause: error,
    })
  }
  if (error instanceof Error && /^\s*</.test(error.message)) {
    return new ClickHouseError({
      what: `${name} answers with a web page: it is no ClickHouse, or something stands before it`,
      hint: 'the address is that of the HTTP interface, usually port 8123 or 8443',
      fault: 'unreachable',
      cause: error,
    })
  }
  return error
}

/** The library's own class, told by its data: the library is loaded lazily. */
function codeOf(error: unknown): number | null {
  if (!(error instanceof Error)) return null
  // The library does not know how servers before 20.x wrote it.
  const old = /^Code: (\d+), e\.displayText/.exec(error.message)
  if (old) return Number(old[1])
  if (!('type' in error) || !('code' in error)) return null
  const code = Number(error.code)
  return Number.isInteger(code) ? code : null
}

/** A socket that ended in mid-answer; a missing socket file means that nobody serves it. */
function isHangUp(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOENT' || /socket hang up|aborted|premature close/i.test(error.message)
}

function silent(name: string, cause: unknown): ClickHouseError {
  return new ClickHouseError({
    what: `${name} did not answer in time`,
    hint: 'a longer timeout may help, or a look at what keeps it busy',
    fault: 'timeout',
    cause,
  })
}

interface Meaning {
  readonly codes: readonly number[]
  readonly fault: ClickHouseFault
  readonly hint: string
}

/** By ClickHouse's numbers, which never change their meaning. */
const MEANINGS: readonly Meaning[] = [
  {
    codes: [192, 193, 194, 516],
    fault: 'authentication',
    hint: 'check user and password in the config',
  },
  {
    codes: [497],
    fault: 'denied',
    hint: 'an administrator has to GRANT what the message names',
  },
  {
    codes: [60, 81],
    fault: 'missing',
    hint: 'tipline doctor tells which tables are missing, and why',
  },
  {
    codes: [6, 10, 16, 20, 27, 43, 44, 47, 48, 53, 70, 122, 386],
    fault: 'schema',
    hint: 'the table looks other than expected; tipline doctor compares',
  },
  {
    codes: [243],
    fault: 'full',
    hint: 'free some disk space for ClickHouse',
  },
  {
    // 392: of the embedded engine's readers.
    codes: [164, 242, 392],
    fault: 'read-only',
    hint: 'the user or the table is read-only; writing needs another user, or the replica needs its Keeper',
  },
  {
    codes: [202, 241, 252, 439],
    fault: 'overloaded',
    hint: 'ClickHouse has too much to do; what was missed is caught up later',
  },
  {
    codes: [159, 160, 209],
    fault: 'timeout',
    hint: 'a longer timeout may help, or a look at what keeps it busy',
  },
]

interface Refusal {
  readonly error: Error
  readonly code: number
  readonly name: string
}

function refused({ error, code, name }: Refusal): ClickHouseError {
  const meaning = MEANINGS.find(({ codes }) => codes.includes(code))
  return new ClickHouseError({
    what: `${name} refused: ${excerpt(error.message)} (code ${code})`,
    hint: meaning?.hint ?? 'ClickHouse says why; with --log-level debug the statement is logged',
    fault: meaning?.fault ?? 'refused',
    code,
    cause: error,
  })
}

/** ClickHouse repeats statements and values in its messages: foreign text, so only a little of it. */
function excerpt(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 300)}...` : line
}
