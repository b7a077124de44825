/** `tipline hits mark` and `unmark`: hits that are none, as a person says. */
import { EXIT } from '../errors.js'
import { hitDocument } from '../hits/document.js'
import type { Hit } from '../hits/hit.js'
import { markHit, unmarkHit } from '../hits/mark.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { withHits } from './hit-stores.js'
import { authorOf } from './hold-target.js'

export interface MarkOptions {
  readonly why?: string
  readonly by?: string
}

/** An id that no hit has is exit status 1. */
export function markCommand(
  context: Context,
  { ids, why = '', by }: MarkOptions & { ids: readonly string[] },
): Promise<number> {
  return withHits(context, async (stores) => {
    const author = authorOf(by, context.env)
    const found: (Hit | null)[] = []
    for (const id of ids) {
      const marking = { id, by: author, why: why.trim(), now: Date.now() }
      found.push(await markHit(stores, marking, context.signal))
    }
    const marked = found.flatMap((hit) => hit ?? [])
    const missing = ids.filter((_, at) => found[at] === null)
    context.out.answer({ marked: marked.map(hitDocument), missing }, () => [
      ...marked.map(({ id, observable }) => `${id} is a false positive: ${printable(observable)}`),
      ...missing.map((id) => `${printable(id)}: no hit has this id`),
    ])
    return missing.length > 0 ? EXIT.nothing : EXIT.done
  })
}

export function unmarkCommand(context: Context, ids: readonly string[]): Promise<number> {
  return withHits(context, async (stores) => {
    const done: { id: string; unmarked: boolean }[] = []
    for (const id of ids) {
      done.push({ id, unmarked: await unmarkHit(stores, id, context.signal) })
    }
    context.out.answer({ hits: done }, () =>
      done.map(({ id, unmarked }) =>
        unmarked ? `${id} counts again` : `${printable(id)}: was not marked`,
      ),
    )
    return done.every(({ unmarked }) => unmarked) ? EXIT.done : EXIT.nothing
  })
}
