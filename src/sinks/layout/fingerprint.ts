import { createHash } from 'node:crypto'

/** Of settings, so that a sink that was set up otherwise is noticed. */
export function fingerprint(what: unknown): string {
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16)
}
