/** `tipline hits purge`: erases what concerns one address or user. */
import { EXIT, UsageError } from '../errors.js'
import { type Concerned, concerned, purge } from '../hits/purge.js'
import { readIp } from '../indicators/ip.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { withHits } from './hit-stores.js'
import { count } from './words.js'

export interface PurgeOptions {
  readonly value?: string
  readonly address?: string
  readonly user?: string
  readonly yes?: boolean
}

/** Without --yes it only tells what it would erase; that is exit status 1 where there is something. */
export function purgeCommand(context: Context, options: PurgeOptions): Promise<number> {
  const value = chosenValue(options)
  return withHits(context, async (stores, { config }) => {
    const asked = { value, sources: config.sources.map(({ name }) => name) }
    const found = await concerned(stores, asked, context.signal)
    const isAny = found.logHits + found.flowHits + found.counted > 0
    // What alerts keep of it is not counted, and may be all that is left.
    const erased = options.yes === true
    if (erased) await purge(stores, asked, context.signal)
    context.out.answer(documentOf(value, found, erased), () => wordsOf(value, found, erased))
    return isAny && !erased ? EXIT.nothing : EXIT.done
  })
}

function chosenValue({ value, address, user }: PurgeOptions): string {
  const given = [value, address, user].flatMap((text) => text ?? [])
  const [only] = given
  if (given.length !== 1 || only === undefined) {
    const hint = 'such as --address 192.0.2.5 or --user kim@example.org'
    throw new UsageError({ what: 'expected one of --address, --user and --value', hint })
  }
  if (address !== undefined && readIp(address) === null) {
    throw new UsageError({ what: '--address is no address', hint: 'such as 192.0.2.5' })
  }
  return only.trim()
}

function documentOf(value: string, found: Concerned, erased: boolean): object {
  return {
    value,
    log_hits: found.logHits,
    flow_hits: found.flowHits,
    counted: found.counted,
    flow_hits_of_others: found.foreignFlowHits,
    erased,
  }
}

function wordsOf(value: string, found: Concerned, erased: boolean): string[] {
  const { logHits, flowHits, counted, foreignFlowHits } = found
  const hits = `${count(logHits, 'hit')} of log lines and ${count(flowHits, 'hit')} of flows`
  const what = counted === 0 ? hits : `${hits}, and ${count(counted, 'count')} of an hour,`
  const others = `${count(foreignFlowHits, 'hit')} of flows that another tool wrote stay`
  const name = printable(value)
  return [
    erased ? `erased: ${what} with ${name}` : `${what} have ${name}`,
    ...(foreignFlowHits > 0 ? [others] : []),
    ...(!erased && logHits + flowHits + counted > 0 ? ['--yes erases them, for good'] : []),
    'Flows themselves, and the logs, are not touched.',
  ]
}
