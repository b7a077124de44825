/**
 * tipline as a library: reading indicators, and asking a ledger. Small on purpose; what is here stays.
 */
export { EXIT, type ExitStatus, LedgerError, TiplineError } from './errors.js'
export { type Indicator, indicatorOf, type Kind, type Meaning } from './indicators/indicator.js'
export { normalise } from './indicators/normalise.js'
export { type Candidate, candidates, type Reading } from './indicators/observable.js'
export { openForReading } from './ledger/database.js'
export { explain, type Knowledge } from './match/explain.js'
export type { FieldMap, LogField, UrlParts } from './match/logs/field-map.js'
export type { Hit } from './match/logs/hit.js'
export { type Matcher, type MatcherOptions, openMatcher } from './match/logs/open-matcher.js'
export { type Lookup, liveNetLengths, lookup } from './match/lookup.js'
