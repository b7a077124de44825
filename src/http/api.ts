/** What all routes share. */
import type { HttpBindings } from '@hono/node-server'
import { type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Refusal } from '../errors.js'
import { RequestRefused } from '../errors.js'
import type { Caller } from './door.js'
import { PROBLEM_TYPE, PROBLEMS } from './problems.js'
import type { Scope } from './scopes.js'

export interface ApiEnv {
  Bindings: HttpBindings & {
    /** Through the socket that only the owner of the data folder can open. */
    own: boolean
  }
  Variables: { caller: Caller }
}

export type Api = OpenAPIHono<ApiEnv>

/** @throws RequestRefused */
export function need(caller: Caller, scope: Scope): void {
  if (scope === 'read' || caller.scope === 'operate') return
  const what = `the token ${caller.name} may only read`
  throw new RequestRefused({ refusal: 'forbidden', what })
}

export const problemShape = z
  .object({
    type: z.string().openapi({ example: 'urn:tipline:problem:invalid-request' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().optional(),
    errors: z.array(z.object({ where: z.string(), message: z.string() })).optional(),
  })
  .openapi('Problem', { description: 'RFC 9457.' })

/** A good answer. */
export function answers<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } }
}

/** For the description only: problems are made by `problem`, not by a route. */
export function problems(...refusals: readonly Refusal[]): object {
  const all: readonly Refusal[] = [...refusals, 'unauthorized', 'too-many-requests']
  const statuses = new Set(all.map((refusal) => PROBLEMS[refusal].status))
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      {
        description: all
          .filter((refusal) => PROBLEMS[refusal].status === status)
          .map((refusal) => PROBLEMS[refusal].title)
          .join('; '),
        content: { [PROBLEM_TYPE]: { schema: problemShape } },
      },
    ]),
  )
}

export function accepts<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/json': { schema } } }
}
