/** Who may come in over TCP, where any user of the machine can knock, and any page in a browser. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { CODES, EngineFault } from './fault.js'
import type { Ask } from './request.js'

/** The user of outside readers. */
const READER = 'reader'

/** @throws EngineFault for everybody who is not to be let in */
export function admit(
  { user, password: given }: Pick<Ask, 'user' | 'password'>,
  { request, password }: { request: IncomingMessage; password: string },
): void {
  const { origin, host } = request.headers
  // A page that some browser shows could ask in its user's name.
  if (origin !== undefined) throw refused('requests of web pages are not answered')
  if (password === '') {
    // Without a password only the name that was asked tells a local program from a rebound name.
    if (!isLocal(host ?? '')) throw refused('without a password only localhost is answered')
    return
  }
  if (user === READER && isSame(given, password)) return
  throw refused(`${user.slice(0, 40)}: password is incorrect, or there is no user with such name`)
}

function isLocal(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host)
}

function refused(why: string): EngineFault {
  return new EngineFault(CODES.authenticationFailed, `${why} (AUTHENTICATION_FAILED)`)
}

/** Without telling by its time how much of it is right. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(a!, b!)
}
