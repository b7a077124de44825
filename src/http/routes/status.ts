/** The state of everything, and who asks. */
import { createRoute, z } from '@hono/zod-openapi'
import { RequestRefused } from '../../errors.js'
import { flowsDocument } from '../../match/flow-report.js'
import { statusDocument } from '../../sync/status-document.js'
import { type Api, accepts, answers, problems } from '../api.js'
import type { Backend } from '../backend.js'
import { type Door, SESSION_COOKIE } from '../door.js'
import type { FlowReports } from '../flows.js'
import type { Knowing } from '../knowledge.js'
import { sessionAnswer, statusAnswer } from '../shapes/status.js'
import { SESSION_SECONDS, type Tokens } from '../tokens.js'

const status = createRoute({
  method: 'get',
  path: '/v1/status',
  tags: ['State'],
  summary: 'How fresh everything is, and what needs a hand',
  responses: { 200: answers(statusAnswer, 'What `tipline status --json` says.'), ...problems() },
})

const whoAmI = createRoute({
  method: 'get',
  path: '/v1/session',
  tags: ['Session'],
  summary: 'Who asks, and what it may do',
  responses: { 200: answers(sessionAnswer, 'The caller.'), ...problems() },
})

const login = createRoute({
  method: 'post',
  path: '/v1/session',
  tags: ['Session'],
  summary: 'Logs a browser in: the answer sets a cookie that scripts can not read',
  request: {
    body: accepts(
      z.strictObject({ token: z.string().min(1).max(256) }).openapi('Login', {
        description: 'The token, this once.',
      }),
    ),
  },
  responses: {
    200: answers(sessionAnswer, 'The caller.'),
    ...problems('invalid-request', 'cross-site', 'unsupported-media-type'),
  },
})

const logout = createRoute({
  method: 'delete',
  path: '/v1/session',
  tags: ['Session'],
  summary: 'Logs a browser out',
  responses: { 204: { description: 'Done.' } },
})

const health = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['State'],
  summary: 'Whether the process answers at all; needs no token',
  responses: {
    200: answers(z.object({ status: z.literal('ok') }).openapi('Health'), 'It answers.'),
  },
})

/** Told to anybody: no names. */
const readyAnswer = z
  .object({
    status: z.literal('ready'),
    failing: z.number().int().openapi({
      description: 'Parts that fail now, and are waited for; `/v1/status` names them.',
    }),
  })
  .openapi('Ready')

const ready = createRoute({
  method: 'get',
  path: '/readyz',
  tags: ['State'],
  summary: 'Whether it is at work; needs no token',
  responses: {
    200: answers(readyAnswer, 'It is.'),
    ...problems('not-ready'),
  },
})

export interface StatusRoutes {
  readonly backend: Backend
  readonly knowing: Knowing
  readonly flows: FlowReports
  readonly door: Door
  readonly tokens: Tokens
  readonly secure: boolean
  /** Epoch milliseconds. */
  readonly now: () => number
}

export function addStatus(api: Api, parts: StatusRoutes): void {
  const { backend, knowing, flows, door, tokens, secure, now } = parts
  api.openapi(status, async (c) => {
    const told = await flows.told()
    const all = knowing.status()
    const problems = [...all.problems, ...(told?.problems ?? [])]
    const document = statusDocument({ ...all, problems })
    return c.json({ ...document, ...(told && { flows: flowsDocument(told) }) }, 200)
  })

  api.openapi(whoAmI, (c) => {
    const { name, scope, by } = c.get('caller')
    return c.json({ name, scope, login: by === 'session' }, 200)
  })

  api.openapi(login, (c) => {
    const token = door.login(c.env.incoming, c.req.valid('json').token)
    const session = tokens.seal(token, Math.floor(now() / 1000))
    c.header('set-cookie', cookie(session, { secure, seconds: SESSION_SECONDS }))
    return c.json({ name: token.name, scope: token.scope, login: true }, 200)
  })

  api.openapi(logout, (c) => {
    c.header('set-cookie', cookie('', { secure, seconds: 0 }))
    return c.body(null, 204)
  })

  api.openapi(health, (c) => c.json({ status: 'ok' as const }, 200))

  api.openapi(ready, (c) => {
    const { ready, why } = backend.readiness()
    const failing = backend.outages.current.length
    if (ready) return c.json({ status: 'ready' as const, failing }, 200)
    throw new RequestRefused({ refusal: 'not-ready', what: why })
  })
}

/** Sent to us alone, from our own pages alone, and never shown to a script. */
function cookie(
  session: string,
  { secure, seconds }: { secure: boolean; seconds: number },
): string {
  const parts = [`${SESSION_COOKIE}=${session}`, 'Path=/', 'HttpOnly', 'SameSite=Strict']
  return [...parts, `Max-Age=${seconds}`, ...(secure ? ['Secure'] : [])].join('; ')
}
