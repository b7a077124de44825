/** What is asked to be done now. */
import { createRoute } from '@hono/zod-openapi'
import { parseDuration } from '../../policy/duration.js'
import { type Api, accepts, answers, need, problems } from '../api.js'
import type { Backend } from '../backend.js'
import {
  backscanAnswer,
  backscanRequest,
  started,
  syncAnswer,
  syncRequest,
} from '../shapes/status.js'

const TAGS = ['Work (scope: operate)']

const sync = createRoute({
  method: 'post',
  path: '/v1/sync',
  tags: TAGS,
  summary: 'Reads every source and brings every sink up to date, now',
  request: { body: accepts(syncRequest) },
  responses: {
    200: answers(syncAnswer, 'What came of it.'),
    202: answers(started, 'It is under way.'),
    ...problems('invalid-request', 'forbidden', 'unsupported-media-type', 'unavailable'),
  },
})

const backscan = createRoute({
  method: 'post',
  path: '/v1/backscan',
  tags: TAGS,
  summary: 'Looks for indicators in the flows of the past',
  request: { body: accepts(backscanRequest) },
  responses: {
    200: answers(backscanAnswer, 'What was found.'),
    202: answers(started, 'It is under way.'),
    ...problems('invalid-request', 'forbidden', 'busy', 'unavailable'),
  },
})

export function addWork(api: Api, backend: Backend): void {
  const { log } = backend
  /** Nobody waits for it: what becomes of it is for the log. */
  const unattended = (what: string, work: Promise<unknown>) => {
    work.catch((err: unknown) => log.error({ err }, `the ${what} that was asked for failed`))
    return { status: 'started' as const }
  }

  api.openapi(sync, async (c) => {
    const caller = c.get('caller')
    need(caller, 'operate')
    const { wait, ...request } = c.req.valid('json')
    log.info({ caller: caller.name, ...request }, 'a sync is asked for')
    const work = backend.sync(request)
    if (!wait) return c.json(unattended('sync', work), 202)
    return c.json((await work) as { status: string }, 200)
  })

  api.openapi(backscan, async (c) => {
    const caller = c.get('caller')
    need(caller, 'operate')
    const { wait, since, value = null } = c.req.valid('json')
    log.info({ caller: caller.name, since, value }, 'a backscan is asked for')
    const work = backend.backscan({ seconds: parseDuration(since) ?? 0, value })
    if (!wait) return c.json(unattended('backscan', work), 202)
    const { indicators, slices, hits } = await work
    return c.json({ indicators, slices, hits }, 200)
  })
}
