/**
 * `tipline sync --dry-run`: a cycle on a copy of the ledger in a folder of its own, without sinks; and
 * what a rebuild of each sink would then do. Nothing is changed anywhere.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT, SinkUnavailable } from '../errors.js'
import { backupLedger } from '../ledger/backup.js'
import { ledgerExists, ledgerPath } from '../ledger/database.js'
import type { Ledger } from '../ledger/ledger.js'
import { printable } from '../log.js'
import type { Comparison, KeyState, Sink } from '../sinks/sink.js'
import { type Cycle, errorDocument, syncDocument } from '../sync/sync-document.js'
import type { Context } from './context.js'
import { Progress } from './progress.js'
import { runCycle } from './sync.js'
import { syncLines } from './sync-report.js'
import { type Base, closeAll, openBase, openSinks, withSyncing } from './wiring.js'
import { count, number } from './words.js'

interface Compared {
  readonly sink: string
  /** null: it can't be compared, or `error` says why not. */
  readonly comparison: Comparison | null
  readonly error: SinkUnavailable | null
}

export interface DryRunOptions {
  /** Also tell what a rebuild of each sink would do. */
  readonly compare?: boolean
}

export async function dryRunCommand(context: Context, options: DryRunOptions): Promise<number> {
  const shown = process.stderr.isTTY === true && !context.out.json
  const progress = await Progress.open({ shown })
  const base = await openBase(context, (line) => progress.log(line))
  const folder = mkdtempSync(join(tmpdir(), 'tipline-dry-run-'))
  try {
    const { dataDir } = base.config
    if (ledgerExists(dataDir)) await backupLedger(dataDir, ledgerPath(folder))
    const config = { ...base.config, dataDir: folder, sinks: {} }
    return await withSyncing(context, { ...base, config }, async (parts) => {
      const cycle = await runCycle(context, { parts, progress, accept: [] })
      progress.end()
      const { ledger } = parts
      const compared = options.compare ? await compareAll(context, { base, ledger }) : []
      tell(context, cycle, compared)
      const failed = compared.some(({ error }) => error !== null)
      return cycle.report.status === EXIT.done && failed ? EXIT.outside : cycle.report.status
    })
  } finally {
    progress.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function compareAll(
  context: Context,
  { base, ledger }: { base: Base; ledger: Ledger },
): Promise<Compared[]> {
  const sinks = await openSinks(context, base)
  try {
    return await Promise.all(
      sinks.map((sink) => compareOne(sink, { ledger, signal: context.signal })),
    )
  } finally {
    await closeAll(sinks)
  }
}

async function compareOne(
  sink: Sink,
  { ledger, signal }: { ledger: Ledger; signal: AbortSignal },
): Promise<Compared> {
  try {
    await sink.open(signal)
    const comparison = (await sink.compare?.(statesFor(sink, ledger), signal)) ?? null
    return { sink: sink.name, comparison, error: null }
  } catch (error) {
    if (!(error instanceof SinkUnavailable)) throw error
    return { sink: sink.name, comparison: null, error }
  }
}

const PAGE = 1000

async function* statesFor(sink: Sink, ledger: Ledger): AsyncGenerator<readonly KeyState[]> {
  const states = ledger.openStates({ spelled: sink.spellsNets ?? false })
  try {
    for (const batch of states.everything(PAGE)) yield batch.states
  } finally {
    states.close()
  }
}

function tell(context: Context, cycle: Cycle, compared: readonly Compared[]): void {
  const done = syncDocument(cycle, context.configArgument)
  const document = {
    ...done,
    dry_run: true,
    sinks: compared.map(comparedDocument),
  }
  context.out.answer(document, () => [
    ...syncLines(done, context),
    ...compared.flatMap((one) => comparedLines(one, context)),
    'a dry run: nothing was changed anywhere',
  ])
}

function comparedDocument({ sink, comparison, error }: Compared): object {
  return { name: sink, comparison, error: error && errorDocument(error) }
}

function comparedLines({ sink, comparison, error }: Compared, { out }: Context): string[] {
  if (error) {
    const hint = error.hint === undefined ? [] : [`  hint: ${printable(error.hint)}`]
    return [out.paint('red', printable(error.message)), ...hint]
  }
  if (!comparison) return [`${sink}: can't be compared`]
  const { added, changed, removed, same, examples } = comparison
  const going =
    removed === null
      ? 'it lists no keys, so what would go is unknown'
      : `${number(removed)} to take away`
  return [
    `${sink}: ${count(added, 'key')} to add, ${number(changed)} to change, ${going}; ${number(same)} right as they are`,
    ...examples.added.map(({ key, value }) => out.paint('green', `  + ${key}  ${value}`)),
    ...examples.changed.map(({ key, from, to }) =>
      out.paint('yellow', `  ~ ${key}  ${from} -> ${to}`),
    ),
    ...examples.removed.map(({ key }) => out.paint('red', `  - ${key}`)),
  ]
}
