/** What Prometheus asks for, and how long each answer took. */
import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Metrics } from '../../metrics.js'
import { type Api, type ApiEnv, problems } from '../api.js'
import type { Backend } from '../backend.js'
import { exposition, gaugeStatus } from '../exposition.js'
import type { Knowing } from '../knowledge.js'

export function addMetrics(
  api: Api,
  { backend, knowing }: { backend: Backend; knowing: Knowing },
): void {
  const { metrics } = backend
  api.openAPIRegistry.registerPath({
    method: 'get',
    path: '/metrics',
    tags: ['State'],
    summary: 'Counters, gauges and histograms, for Prometheus',
    responses: { 200: { description: 'In the text format of Prometheus.' }, ...problems() },
  })
  api.get('/metrics', async (c) => {
    gaugeStatus(metrics, knowing.status())
    const { type, text } = await exposition(metrics)
    return c.body(text, 200, { 'content-type': type, 'cache-control': 'no-store' })
  })
}

/** The route as it is written, never the path as it was asked: that would be ever new. */
export function timing(metrics: Metrics): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const began = performance.now()
    await next()
    const labels = {
      method: METHODS.has(c.req.method) ? c.req.method : 'other',
      route: routePath(c),
      status: String(c.res.status),
    }
    const seconds = (performance.now() - began) / 1000
    metrics.observe('tipline_http_request_duration_seconds', labels, seconds)
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])
