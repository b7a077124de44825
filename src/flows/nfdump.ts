/** nfdump, the program: which version it is, whether a file is whole, and its flows as lines. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { FlowFileError, UsageError } from '../errors.js'
import { TOKENS } from './fields.js'

export interface Nfdump {
  readonly version: string
  /** For its option -o: our fields, and nothing else, in lines of CSV. */
  readonly format: string
}

/** Everything in UTC: nfdump prints local times. */
const ENV = { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' }
/**
 * From here on `-o csv` takes a list of fields. Before, it always prints all 48 of them, which takes
 * twice the time of a format of one's own.
 */
const LISTS_FROM = [1, 7, 5] as const

/** @throws UsageError where there is none */
export async function findNfdump(): Promise<Nfdump> {
  const told = await run(['-V'])
  const version = /(\d+)\.(\d+)\.(\d+)/.exec(told.output)
  if (!version) {
    throw new UsageError({
      what: 'nfdump was not found, or does not tell its version',
      hint: 'install it (Debian and Ubuntu: apt-get install nfdump)',
    })
  }
  const lists = compare(version.slice(1).map(Number), LISTS_FROM) >= 0
  return { version: version[0], format: `${lists ? 'csv' : 'fmt'}:${TOKENS.join(',')}` }
}

/** @throws FlowFileError for a file that is cut, or none of its */
export async function checkFile(file: string): Promise<void> {
  const { status, output } = await run(['-v', file])
  if (status === 0) return
  const last = output.trim().split('\n').at(-1) ?? ''
  throw new FlowFileError({
    what: `${file} is no whole nfcapd file: ${last.slice(0, 200)}`,
    hint: 'a file that is still written to has another name (nfcapd.current)',
    file,
  })
}

/** How many flows it says it holds; null: it does not say. */
export async function countFlows(file: string): Promise<number | null> {
  const { output } = await run(['-I', '-r', file])
  const told = /^Flows: (\d+)$/m.exec(output)
  return told ? Number(told[1]) : null
}

/** What it prints, as it comes. @throws FlowFileError; the signal's reason */
export async function* flowText(
  { format }: Nfdump,
  file: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  // Plain numbers, and addresses in full.
  const child = spawn('nfdump', ['-r', file, '-q', '-N', '-6', '-o', format], {
    env: ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const ended = endOf(child)
  const complaint = text(child.stderr!)
  try {
    for await (const piece of child.stdout!) yield piece as Buffer
    const status = await ended
    signal.throwIfAborted()
    const said = (await complaint).trim()
    if (status === 0 && said === '') return
    const what = `nfdump could not read all of ${file}: ${said.slice(0, 200) || `status ${status}`}`
    throw new FlowFileError({ what, file })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    child.kill('SIGKILL')
  }
}

async function run(args: readonly string[]): Promise<{ status: number; output: string }> {
  const child = spawn('nfdump', args, { env: ENV, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = endOf(child)
  const [out, said, status] = await Promise.all([text(child.stdout!), text(child.stderr!), ended])
  return { status, output: `${out}${said}` }
}

/** -1: it could not be started, or was ended. */
async function endOf(child: ChildProcess): Promise<number> {
  try {
    const [status] = (await once(child, 'close')) as [number | null]
    return status ?? -1
  } catch {
    return -1
  }
}

function compare(some: readonly number[], others: readonly number[]): number {
  for (const [at, number] of some.entries()) {
    const difference = number - (others[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
