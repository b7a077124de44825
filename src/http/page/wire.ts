/**
 * The answers of the API as the page reads them. Their types come from the API's own shapes, so that
 * neither side can drift from the other.
 */
import type { z } from '@hono/zod-openapi'
import type { countedList, hit, hitBuckets, hitPage } from '../shapes/hits.js'
import type { explainAnswer } from '../shapes/lookup.js'
import type { sessionAnswer, statusAnswer } from '../shapes/status.js'

export type Hit = z.output<typeof hit>
export type HitPage = z.output<typeof hitPage>
export type HitsOverTime = z.output<typeof hitBuckets>
export type CountedList = z.output<typeof countedList>
export type Explanation = z.output<typeof explainAnswer>
export type Status = z.output<typeof statusAnswer>
export type Session = z.output<typeof sessionAnswer>
