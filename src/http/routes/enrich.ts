/**
 * Log lines in, log lines out, as `tipline enrich` does it: a stream both ways, read no faster than it is
 * taken. Over the sockets themselves, past the streams of fetch, which would copy every byte twice.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { z } from '@hono/zod-openapi'
import { RequestRefused } from '../../errors.js'
import type { Crew } from '../../match/logs/crew.js'
import { enrich, noCounts, type Write } from '../../match/logs/enrich.js'
import { PRESET_NAMES } from '../../match/logs/presets.js'
import { type Api, need, problems } from '../api.js'
import type { Backend } from '../backend.js'
import { ofType } from '../body.js'
import type { Matchers } from '../matchers.js'
import { invalid } from '../problems.js'

const NDJSON = 'application/x-ndjson'
const JSON_TYPE = 'application/json'

const yesOrNo = z.enum(['true', 'false']).default('false')

const enrichQuery = z.object({
  preset: z.enum(PRESET_NAMES).default('ecs').openapi({ description: 'How fields are named.' }),
  only_hits: yesOrNo.openapi({ description: 'Only lines that hit come back.' }),
  legacy: yesOrNo.openapi({ description: 'Also `misp.event_id` and `misp.type`.' }),
  record: z.string().max(200).optional().openapi({
    description:
      'Keep the hits, under this label (scope: operate). The answer ends when they are on the disk; the same lines sent again bring nothing new.',
  }),
})

const DESCRIPTION = `NDJSON in and out, as a stream, or one JSON document, as Logstash sends it. A line
that hits nothing comes back byte for byte; one that hits gets \`threat.enrichments[]\`. Read while you
send: after some megabytes that nobody reads, no more is taken.`

export interface EnrichParts {
  readonly backend: Backend
  readonly matchers: Matchers
  /** At the same time. */
  readonly streams: number
}

export function addEnrich(api: Api, { backend, matchers, streams }: EnrichParts): void {
  describe(api)
  let open = 0
  api.use('/v1/enrich', ofType(NDJSON, JSON_TYPE))
  api.post('/v1/enrich', async (c) => {
    const query = enrichQuery.safeParse(c.req.query())
    if (!query.success) return invalid(query.error)
    const { preset, legacy, only_hits, record } = query.data
    if (record !== undefined) need(c.get('caller'), 'operate')
    const { incoming, outgoing } = c.env
    refuseCoding(incoming.headers['content-encoding'])
    if (open >= streams) throw tooMany(streams)
    const asked = { preset, legacy: legacy === 'true', record: record !== undefined }
    const matcher = counting(matchers.of(asked), backend)
    open += 1
    backend.metrics.gauge('tipline_http_streams', {}, open)
    try {
      outgoing.writeHead(200, headersFor(incoming.headers['content-type']))
      await enrich(incoming, {
        match: matcher,
        inFlight: 1,
        onlyHits: only_hits === 'true',
        write: writerTo(outgoing),
        writeHit: null,
        record: record === undefined ? null : matchers.recordAs(record),
        counts: noCounts(),
      })
      if (record !== undefined) await matchers.recorded()
      outgoing.end()
    } catch (err) {
      // The status is told already; that the answer is cut tells the rest.
      outgoing.destroy()
      if (!incoming.destroyed) backend.log.error({ err }, 'a stream of logs failed')
    } finally {
      open -= 1
      backend.metrics.gauge('tipline_http_streams', {}, open)
    }
    return RESPONSE_ALREADY_SENT
  })
}

function describe(api: Api): void {
  const content = { [NDJSON]: { schema: z.string() }, [JSON_TYPE]: { schema: z.looseObject({}) } }
  api.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/enrich',
    tags: ['Logs'],
    summary: 'Log lines in, log lines out, hits told in them',
    description: DESCRIPTION.replaceAll('\n', ' '),
    request: { query: enrichQuery, body: { required: true, content } },
    responses: {
      200: { description: 'The lines.', content },
      ...problems('invalid-request', 'forbidden', 'unsupported-media-type', 'unavailable'),
    },
  })
}

/** Counted as it goes: a stream may last for days. */
function counting(crew: Crew, { metrics }: Backend): Crew['match'] {
  return async (block) => {
    const result = await crew.match(block)
    const { lines, odd, long, hitLines } = result
    metrics.count('tipline_enrich_lines_total', { result: 'hit' }, hitLines.length)
    metrics.count('tipline_enrich_lines_total', { result: 'odd' }, odd)
    const missed = lines - odd - long - hitLines.length
    metrics.count('tipline_enrich_lines_total', { result: 'miss' }, missed)
    return result
  }
}

function headersFor(type: string | undefined): Record<string, string> {
  const isDocument = (type ?? '').toLowerCase().startsWith(JSON_TYPE)
  return {
    'content-type': isDocument ? JSON_TYPE : NDJSON,
    'cache-control': 'no-store',
    // Of a proxy before us (nginx): pass on what there is.
    'x-accel-buffering': 'no',
  }
}

/** That wait for a slow reader; so clients that read only when they have sent all can send some. */
const MOST_WAITING = 4 * 1024 * 1024

function writerTo(outgoing: ServerResponse): Write {
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort())
  return async (pieces) => {
    gone.signal.throwIfAborted()
    for (const piece of pieces) outgoing.write(piece)
    if (outgoing.writableLength > MOST_WAITING) {
      await once(outgoing, 'drain', { signal: gone.signal })
    }
  }
}

function refuseCoding(coding: string | undefined): void {
  if (coding === undefined || coding === 'identity') return
  const what = 'the body must not be packed (Content-Encoding)'
  throw new RequestRefused({ refusal: 'unsupported-media-type', what })
}

function tooMany(streams: number): RequestRefused {
  const what = `${streams} streams are open already: \`http.limits.streams\``
  return new RequestRefused({
    refusal: 'too-many-requests',
    what,
    headers: { 'retry-after': '1', connection: 'close' },
  })
}
