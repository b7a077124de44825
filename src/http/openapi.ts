/** The description of the API: served, and written into the docs. */
import type { Api } from './api.js'

/** Of the description: raised when an answer changes its meaning. */
const VERSION = '1.0.0'

const INFO = {
  title: 'tipline',
  version: VERSION,
  description:
    `Indicators that a team shares in MISP: looked up, met in logs and flows, and the state of it
all. Errors are problem documents (RFC 9457). Times are ISO 8601 in UTC. Within /v1 answers only ever gain
fields.`.replaceAll('\n', ' '),
  license: { name: 'MIT', identifier: 'MIT' },
}

export function openApiDocument(api: Api): object {
  api.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'What `tipline token new NAME` prints. Not needed where the config has no tokens.',
  })
  return api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: '/' }],
    security: [{ token: [] }],
  })
}

export function addOpenApi(api: Api): void {
  let text: string | undefined
  api.get('/openapi.json', (c) => {
    text ??= JSON.stringify(openApiDocument(api))
    return c.body(text, 200, { 'content-type': 'application/json' })
  })
}
