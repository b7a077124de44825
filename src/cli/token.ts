/** `tipline token new`: makes a token for the API. It is shown this once; the config gets its hash. */
import { EXIT, UsageError } from '../errors.js'
import type { Scope } from '../http/scopes.js'
import { httpSettings } from '../http/settings.js'
import { newToken } from '../http/tokens.js'
import type { Context } from './context.js'

export interface TokenOptions {
  readonly name: string
  readonly scope: Scope
}

export async function newTokenCommand(
  context: Context,
  { name, scope }: TokenOptions,
): Promise<number> {
  const { token, hash } = newToken()
  if (!httpSettings.safeParse({ tokens: [{ name, scope, hash }] }).success) {
    const hint = 'up to 64 letters, digits or any of ". @ - _"'
    throw new UsageError({ what: 'that is no name for a token', hint })
  }
  context.out.answer({ token, name, scope, hash }, () => [
    'The token. It is shown this once and kept nowhere:',
    `  ${token}`,
    'Under `http.tokens` in the config; SIGHUP makes a running daemon read it:',
    `  - { name: ${name}, scope: ${scope}, hash: "${hash}" }`,
  ])
  return EXIT.done
}
