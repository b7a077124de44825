/** Who asks for a status does not want to wait for a ClickHouse that says nothing. */
import { ClickHouseError } from '../errors.js'

const PATIENCE_MS = 10_000

/** Gives up after a while. @throws ClickHouseError, and what the work throws */
export async function patiently<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const impatient = new AbortController()
  const timer = setTimeout(() => impatient.abort(tooLong()), PATIENCE_MS)
  const { signal } = impatient
  try {
    return await Promise.race([work(signal), failed(signal)])
  } finally {
    clearTimeout(timer)
  }
}

function failed(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}

function tooLong(): ClickHouseError {
  const what = `ClickHouse did not answer within ${PATIENCE_MS / 1000} s`
  return new ClickHouseError({ what, hint: 'tipline doctor tells more', fault: 'timeout' })
}
