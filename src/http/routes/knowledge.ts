/** What is known of values. */
import { createRoute, z } from '@hono/zod-openapi'
import { RequestRefused } from '../../errors.js'
import { type Api, accepts, answers, problems } from '../api.js'
import type { Knowing } from '../knowledge.js'
import {
  explainAnswer,
  indicator,
  lookupAnswer,
  lookupAnswers,
  lookupRequest,
  MOST_VALUES,
  valueQuery,
} from '../shapes/lookup.js'

const TAGS = ['What is known']

const lookupOne = createRoute({
  method: 'get',
  path: '/v1/lookup',
  tags: TAGS,
  summary: 'Is this value an indicator?',
  request: { query: valueQuery },
  responses: { 200: answers(lookupAnswer, 'What it meets.'), ...problems('invalid-request') },
})

const lookupMany = createRoute({
  method: 'post',
  path: '/v1/lookup',
  tags: TAGS,
  summary: `Up to ${MOST_VALUES} values at once, answered in their order`,
  request: { body: accepts(lookupRequest) },
  responses: {
    200: answers(lookupAnswers, 'What each of them meets.'),
    ...problems('invalid-request', 'too-large', 'too-slow', 'unsupported-media-type'),
  },
})

const explainOne = createRoute({
  method: 'get',
  path: '/v1/explain',
  tags: TAGS,
  summary: 'All that is known of a value: why it is live, held, set aside, revoked or unknown',
  request: { query: valueQuery },
  responses: { 200: answers(explainAnswer, 'All of it.'), ...problems('invalid-request') },
})

const indicatorByKey = createRoute({
  method: 'get',
  path: '/v1/indicators/{key}',
  tags: TAGS,
  summary: 'One indicator, by its kind and normalised value',
  request: {
    params: z.object({
      key: z
        .string()
        .max(8192)
        .regex(/^[a-z0-9-]+:./s, 'expected KIND:VALUE')
        .openapi({ example: 'ip:198.51.100.7', description: 'KIND:VALUE, percent-encoded.' }),
    }),
  },
  responses: { 200: answers(indicator, 'It.'), ...problems('invalid-request', 'not-found') },
})

/** So many, then others get their turn. */
const AT_ONCE = 100

export function addKnowledge(api: Api, knowing: Knowing): void {
  // How most ask it is answered by `quick-lookup.ts`, in the same words.
  api.openapi(lookupOne, (c) => c.json(knowing.found(c.req.valid('query').value), 200))

  api.openapi(lookupMany, async (c) => {
    const { values } = c.req.valid('json')
    const found: ReturnType<Knowing['found']>[] = []
    for (const [index, value] of values.entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve))
      found.push(knowing.found(value))
    }
    return c.json({ values: found }, 200)
  })

  api.openapi(explainOne, async (c) => {
    return c.json(await knowing.explain(c.req.valid('query').value), 200)
  })

  api.openapi(indicatorByKey, (c) => {
    const { key } = c.req.valid('param')
    const at = key.indexOf(':')
    const found = knowing.indicator({ kind: key.slice(0, at), value: key.slice(at + 1) })
    if (found) return c.json(found, 200)
    const what = 'no source has such an indicator, and none had'
    throw new RequestRefused({ refusal: 'not-found', what })
  })
}
