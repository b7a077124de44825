/** What a token lets its bearer do. Loads nothing: every command line is told of it. */
export const SCOPES = ['read', 'operate'] as const
/** `read`: look up, enrich, read hits and the state. `operate`: also sync, backscan and mark hits. */
export type Scope = (typeof SCOPES)[number]
