/** What `tipline doctor` found. */
export interface Finding {
  /** `ledger`, or the name of a source or sink. */
  readonly area: string
  readonly level: 'ok' | 'warn' | 'error'
  readonly message: string
  readonly hint?: string
}
