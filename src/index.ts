/**
 * tipline as a library: reading indicators, and asking a ledger. Small on purpose; what is here stays.
 */
export { EXIT, type ExitStatus, LedgerError, TiplineError } from './errors.js'
export { type Indicator, indicatorOf, type Kind, type Meaning } from './indicators/indicator.js'
export { normalise } from './indicators/normalise.js'
export { type Candidate, candidates } from './indicators/observable.js'
export { openForReading } from './ledger/database.js'
export { explain, type Knowledge } from './match/explain.js'
export { type Lookup, liveNetLengths, lookup } from './match/lookup.js'
