/**
 * Output that could not be written. Who stops reading it (`tipline ... | head`) need not read on. A full
 * disk is a failure, also of a command that does not hear of it itself.
 */
import { writeSync } from 'node:fs'
import { EXIT } from '../errors.js'
import { failureText, systemFault } from './failure.js'

/** Once in a process. */
export function watchOutput(): void {
  let fault: NodeJS.ErrnoException | undefined
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') fault ??= error
  })
  // Of stderr there is nobody left to tell.
  process.stderr.on('error', () => undefined)
  process.on('exit', (status) => {
    if (fault === undefined || status !== EXIT.done) return
    process.exitCode = EXIT.outside
    const failure = systemFault(fault)
    if (failure) writeSync(process.stderr.fd, failureText(failure, undefined))
  })
}
