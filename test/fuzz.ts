/**
 * How hard random tests try. `TIPLINE_FUZZ` multiplies: 1 (the default, and CI) is a tenth of the
 * full count, 10 the full count. `TIPLINE_SEED` repeats a run; the seed is printed once a process.
 */
const factor = Number(process.env.TIPLINE_FUZZ ?? '1')
const seed = Number(process.env.TIPLINE_SEED ?? Date.now() % 2_147_483_647)
let told = false

/** The number of tries for a test whose full count is `full`. */
export function fuzzRuns(full: number): number {
  return Math.max(1, Math.round((full / 10) * factor))
}

export function fuzzSeed(): number {
  if (!told) {
    told = true
    console.log(`fuzz: TIPLINE_SEED=${seed} TIPLINE_FUZZ=${factor}`)
  }
  return seed
}

/** Parameters for `fc.assert`. */
export function fuzz(full: number): { numRuns: number; seed: number } {
  return { numRuns: fuzzRuns(full), seed: fuzzSeed() }
}
