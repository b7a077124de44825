/** Hits: in pages, over time, and marked as false. */
import { createRoute, z } from '@hono/zod-openapi'
import { RequestRefused } from '../../errors.js'
import { countedDocument, readCounted } from '../../hits/counted.js'
import { hitDocument } from '../../hits/document.js'
import { markHit, unmarkHit } from '../../hits/mark.js'
import { hitsOverTime } from '../../hits/over-time.js'
import { readHit, readHits } from '../../hits/read.js'
import type { HitStores } from '../../hits/stores.js'
import { type Api, accepts, answers, need, problems } from '../api.js'
import {
  countedList,
  countedQuery,
  hit,
  hitBuckets,
  hitPage,
  hitQuery,
  markRequest,
  overTimeQuery,
} from '../shapes/hits.js'
import { parseTime } from '../shapes/times.js'

const TAGS = ['Hits']

const page = createRoute({
  method: 'get',
  path: '/v1/hits',
  tags: TAGS,
  summary: 'Hits, newest first, in pages',
  request: { query: hitQuery },
  responses: { 200: answers(hitPage, 'A page.'), ...problems('invalid-request', 'unavailable') },
})

const overTime = createRoute({
  method: 'get',
  path: '/v1/hits/over-time',
  tags: TAGS,
  summary: 'How many hits there were when, for a chart',
  request: { query: overTimeQuery },
  responses: { 200: answers(hitBuckets, 'Counts.'), ...problems('invalid-request', 'unavailable') },
})

const counted = createRoute({
  method: 'get',
  path: '/v1/hits/counted',
  tags: TAGS,
  summary: 'What flows met and is only counted, by indicator: floods, and unanswered contacts',
  request: { query: countedQuery },
  responses: {
    200: answers(countedList, 'Floods first, then by the number of flows.'),
    ...problems('invalid-request', 'unavailable'),
  },
})

const byId = { params: z.object({ id: z.string().regex(/^(flow|log)-[0-9a-f]{16}$/) }) }

const one = createRoute({
  method: 'get',
  path: '/v1/hits/{id}',
  tags: TAGS,
  summary: 'One hit',
  request: byId,
  responses: { 200: answers(hit, 'It.'), ...problems('not-found', 'unavailable') },
})

const mark = createRoute({
  method: 'post',
  path: '/v1/hits/{id}/false-positive',
  tags: TAGS,
  summary: 'Marks a hit as false; where the config says so, MISP is told (scope: operate)',
  request: { ...byId, body: accepts(markRequest) },
  responses: {
    200: answers(hit, 'The hit as it is now; who marked it first stays.'),
    ...problems('invalid-request', 'forbidden', 'not-found', 'unavailable'),
  },
})

const unmark = createRoute({
  method: 'delete',
  path: '/v1/hits/{id}/false-positive',
  tags: TAGS,
  summary: 'Takes the mark back (scope: operate)',
  request: byId,
  responses: {
    200: answers(hit, 'The hit as it is now.'),
    ...problems('forbidden', 'not-found', 'unavailable'),
  },
})

export function addHits(api: Api, stores: HitStores, now: () => number): void {
  addMarks(api, stores, now)
  api.openapi(page, async (c) => {
    const { since, until, ...rest } = c.req.valid('query')
    const query = { ...rest, ...rangeOf(since, until, now()) }
    const { hits, next } = await readHits(stores, query, c.req.raw.signal)
    return c.json({ hits: hits.map(hitDocument), next }, 200)
  })

  api.openapi(overTime, async (c) => {
    const { since, until, ...rest } = c.req.valid('query')
    const range = rangeOf(since, until, now())
    const counted = await hitsOverTime(stores, { ...rest, ...range }, c.req.raw.signal)
    const buckets = counted.map(({ from, ...counts }) => ({ from: iso(from), ...counts }))
    return c.json({ since: iso(range.since), until: iso(range.until), buckets }, 200)
  })

  api.openapi(counted, async (c) => {
    const { since, until, ...rest } = c.req.valid('query')
    const query = { ...rest, ...rangeOf(since, until, now()) }
    const found = await readCounted(stores, query, c.req.raw.signal)
    return c.json({ counted: found.map(countedDocument) }, 200)
  })

  api.openapi(one, async (c) => {
    const found = await readHit(stores, c.req.valid('param').id, c.req.raw.signal)
    return c.json(hitDocument(found ?? noSuchHit()), 200)
  })
}

function addMarks(api: Api, stores: HitStores, now: () => number): void {
  api.openapi(mark, async (c) => {
    const caller = c.get('caller')
    need(caller, 'operate')
    const marking = { ...c.req.valid('param'), ...c.req.valid('json'), by: caller.name, now: now() }
    const marked = await markHit(stores, marking, c.req.raw.signal)
    return c.json(hitDocument(marked ?? noSuchHit()), 200)
  })

  api.openapi(unmark, async (c) => {
    need(c.get('caller'), 'operate')
    const { id } = c.req.valid('param')
    await unmarkHit(stores, id, c.req.raw.signal)
    const found = await readHit(stores, id, c.req.raw.signal)
    return c.json(hitDocument(found ?? noSuchHit()), 200)
  })
}

/** Epoch milliseconds, whole seconds. */
function rangeOf(since: string, until: string | undefined, now: number) {
  const at = (text: string) => Math.floor((parseTime(text, now) ?? now) / 1000) * 1000
  return { since: at(since), until: until === undefined ? now + 1 : at(until) }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function noSuchHit(): never {
  throw new RequestRefused({ refusal: 'not-found', what: 'there is no such hit, or not any more' })
}
