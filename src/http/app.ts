/** The API: everything that is answered, put together. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { TiplineError } from '../errors.js'
import type { ApiEnv } from './api.js'
import type { Backend } from './backend.js'
import { body } from './body.js'
import { Door } from './door.js'
import { FlowReports } from './flows.js'
import { Knowing } from './knowledge.js'
import { Matchers } from './matchers.js'
import { addOpenApi } from './openapi.js'
import { answerPage, readPageFiles } from './page-files.js'
import { invalid, problem, problemOf } from './problems.js'
import { type Quick, quickLookup } from './quick-lookup.js'
import { addEnrich } from './routes/enrich.js'
import { addHits } from './routes/hits.js'
import { addKnowledge } from './routes/knowledge.js'
import { addMetrics, timing } from './routes/metrics.js'
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
  /** Asked first. */
  readonly quick: Quick
  fetch(request: Request, env: ApiEnv['Bindings']): Response | Promise<Response>
  /** When nothing is asked any more. */
  close(): Promise<void>
}

/** @throws LedgerError where there is no ledger */
export function createApp(backend: Backend, options: AppOptions): App {
  const { settings, sessionKey, now = Date.now } = options
  const knowing = new Knowing(backend, () => Math.floor(now() / 1000))
  const matchers = new Matchers(backend)
  const tokens = new Tokens(settings.tokens, sessionKey)
  const door = new Door({ settings, tokens, now })
  const api = new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
  const refuse = (error: Error) => answerTo(error, backend)

  api.use('*', timing(backend.metrics))
  api.use('*', async (c, next) => {
    letIn(c, door)
    await next()
  })
  addEnrich(api, { backend, matchers, streams: settings.limits.streams })
  for (const handler of body({ largest: settings.limits.body })) api.on('POST', '/v1/*', handler)
  addKnowledge(api, knowing)
  addHits(api, backend.hits, now)
  addWork(api, backend)
  const flows = new FlowReports(backend, now)
  const secure = settings.tls !== undefined
  addStatus(api, { backend, knowing, flows, door, tokens, now, secure })

  addMetrics(api, { backend, knowing })
  addOpenApi(api)
  const files = readPageFiles()
  api.get('*', (c) => answerPage(files, c.req.raw) ?? c.notFound())
  api.notFound(() => problem('not-found'))
  api.onError(refuse)
  return {
    quick: quickLookup({ door, knowing, metrics: backend.metrics, refuse }),
    fetch: (request, env) => api.fetch(request, env),
    async close() {
      knowing.close()
      await matchers.close()
    },
  }
}

/** @throws RequestRefused */
function letIn(c: Context<ApiEnv>, door: Door): void {
  const { incoming, outgoing, own } = c.env
  const { path, method } = c.req
  outgoing.setHeader('x-content-type-options', 'nosniff')
  const isLogin = path === '/v1/session' && (method === 'POST' || method === 'DELETE')
  const isGuarded = (path.startsWith('/v1/') || path === '/metrics') && !isLogin
  if (isGuarded) c.set('caller', door.admit(incoming, { own }))
  else if (!own) door.checkHost(incoming)
}

type Validated =
  | { readonly success: true }
  | { readonly success: false; readonly error: Parameters<typeof invalid>[0] }

function refuseInvalid(result: Validated): Response | undefined {
  return result.success ? undefined : invalid(result.error)
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
