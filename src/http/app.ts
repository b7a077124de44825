/** The API: everything that is answered, put together. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import { TiplineError } from '../errors.js'
import type { ApiEnv } from './api.js'
import type { Backend } from './backend.js'
import { body } from './body.js'
import { Door } from './door.js'
import { Knowing } from './knowledge.js'
import { answerPage, readPageFiles } from './page-files.js'
import { type ProblemDocument, problem, problemOf } from './problems.js'
import { addHits } from './routes/hits.js'
import { addKnowledge } from './routes/knowledge.js'
import { addStatus } from './routes/status.js'
import { addWork } from './routes/work.js'
import type { HttpSettings } from './settings.js'
import { Tokens } from './tokens.js'

export interface AppOptions {
  readonly settings: HttpSettings
  /** What sessions of the page are sealed with; they are good as long as it stays the same. */
  readonly sessionKey: Buffer
  /** Epoch milliseconds. */
  readonly now?: () => number
}

export interface App {
  fetch(request: Request, env: ApiEnv['Bindings']): Response | Promise<Response>
  /** Takes nothing away from under a request that is being answered. */
  close(): void
}

/** @throws LedgerError where there is no ledger */
export function createApp(backend: Backend, options: AppOptions): App {
  const { settings, sessionKey, now = Date.now } = options
  const knowing = new Knowing(backend, () => Math.floor(now() / 1000))
  const tokens = new Tokens(settings.tokens, sessionKey)
  const door = new Door({ settings, tokens, now })
  const api = new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })

  api.use('*', async (c, next) => {
    if (!c.env.own) door.checkHost(c.env.incoming)
    await next()
  })
  api.use('/v1/*', async (c, next) => {
    const isLogin = c.req.path === '/v1/session' && c.req.method !== 'GET'
    if (!isLogin) c.set('caller', door.admit(c.env.incoming, { own: c.env.own }))
    await next()
  })
  for (const handler of body({ largest: settings.limits.body })) {
    api.on(['POST', 'PUT', 'PATCH'], '/v1/*', handler)
  }

  addKnowledge(api, knowing)
  addHits(api, backend.hits, now)
  addWork(api, backend)
  addStatus(api, { backend, knowing, door, tokens, now, secure: settings.tls !== undefined })

  const files = readPageFiles()
  api.get('*', (c) => answerPage(files, c.req.raw) ?? c.notFound())
  api.notFound(() => problem('not-found'))
  api.onError((error) => answerTo(error, backend))
  return { fetch: (request, env) => api.fetch(request, env), close: () => knowing.close() }
}

type Validated = { success: true } | { success: false; error: { issues: readonly Issue[] } }
interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

function refuseInvalid(result: Validated): Response | undefined {
  if (result.success) return undefined
  const errors: ProblemDocument['errors'] = result.error.issues.slice(0, 20).map((issue) => ({
    where: issue.path.map(String).join('.'),
    message: issue.message,
  }))
  return problem('invalid-request', { errors })
}

function answerTo(error: Error, { log }: Backend): Response {
  if (error instanceof HTTPException && error.status === 400) {
    return problem('invalid-request', { detail: 'the body is no JSON' })
  }
  const known = problemOf(error)
  if (known === null) log.error({ err: error }, 'a request failed unexpectedly')
  else if (known.status >= 500 && error instanceof TiplineError)
    log.warn({ err: error }, 'a request failed')
  return known ?? problem('internal')
}
