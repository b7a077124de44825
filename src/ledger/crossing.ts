/** Errors that cross threads: it costs them their class, so ours travel as their facts. */
import { LedgerError } from '../errors.js'

export type Fault =
  /** Of a LedgerError. */
  | { readonly facts: { readonly what: string; readonly hint?: string } }
  /** The stack of any other error: a bug. */
  | { readonly bug: string }

export function toFault(error: unknown): Fault {
  if (!(error instanceof LedgerError)) {
    return { bug: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  return { facts: { what: error.message, ...(error.hint ? { hint: error.hint } : {}) } }
}

export function fromFault(fault: Fault): Error {
  return 'facts' in fault ? new LedgerError(fault.facts) : new Error(fault.bug)
}
