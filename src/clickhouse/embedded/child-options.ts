/** What the process that starts the engine and the engine's own have agreed upon. */
export interface ChildOptions {
  readonly dataDir: string
  /** Host and port for outside readers; null: none. */
  readonly listen: { readonly host: string; readonly port: number } | null
  readonly password: string
  /** null: it stays until it is told to go. */
  readonly idleMs: number | null
  /** What identifies these options. */
  readonly settings: string
}

/** Exit status: another process has the data folder. */
export const TAKEN = 75
