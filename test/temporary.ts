/**
 * One folder for all that a run keeps for a while: its files lie below it, with those of the commands and
 * servers that they start, so that nothing stays behind, whatever way a test ends.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @returns what vitest calls when all tests have ended */
export default function setUp(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-tests-'))
  // Servers that run as somebody else read theirs below it; nobody else sees what lies there.
  chmodSync(folder, 0o711)
  process.env.TMPDIR = folder
  // A server that was told to go may still write its last words.
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  // Where a signal ends the run vitest calls nothing.
  process.once('exit', remove)
  return remove
}
