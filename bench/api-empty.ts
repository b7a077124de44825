/** What bench/api.ts compares with: hono with one route that answers `{}`. Prints its address. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const { fetch } = new Hono().get('/v1/lookup', (c) => c.json({}))
serve({ fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`)
})
