/** `tipline explain`: all that is known of a value. */
import { EXIT } from '../errors.js'
import { type Explanation, explainDocument } from '../match/documents.js'
import { explain } from '../match/explain.js'
import type { Context } from './context.js'
import { readingLedger } from './data-folder.js'
import { beside } from './explain-config.js'
import { explainLines } from './explain-report.js'

export interface ExplainOptions {
  readonly value: string
  readonly checkSinks?: boolean
}

/** Without a config (--data-dir) there are no links, and nothing is said of sinks and policy. */
export async function explainCommand(context: Context, options: ExplainOptions): Promise<number> {
  const explanation = await readingLedger(context, async (db, dataDir): Promise<Explanation> => {
    const knowledge = explain(db, options.value)
    if (context.options.dataDir !== undefined) return { knowledge, beside: null }
    return { knowledge, beside: await beside(context, { ...options, knowledge, dataDir }) }
  })
  context.out.answer(explainDocument(explanation), () => explainLines(explanation, context))
  return explanation.knowledge.state === 'unknown' ? EXIT.nothing : EXIT.done
}
