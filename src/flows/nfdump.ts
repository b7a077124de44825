/** nfdump, the program: which version it is, whether a file is whole, and its flows as lines. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { FlowFileError, NfdumpError, UsageError } from '../errors.js'
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

/** @throws FlowFileError for a file that is cut, or none of its; NfdumpError */
export async function checkFile(file: string): Promise<void> {
  const { end, output } = await run(['-v', file])
  const status = statusOf(end)
  if (status === 0) return
  const last = output.trim().split('\n').at(-1) || `nfdump ended with ${status}`
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

/** What it prints, as it comes. @throws FlowFileError, NfdumpError; the signal's reason */
export async function* flowText(
  { format }: Nfdump,
  file: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  // Plain numbers, and addresses in full.
  const child = start(['-r', file, '-q', '-N', '-6', '-o', format], signal)
  const ended = endOf(child)
  const complaint = text(outputOf(child.stderr))
  try {
    for await (const piece of outputOf(child.stdout)) yield piece as Buffer
    const end = await ended
    signal.throwIfAborted()
    const status = statusOf(end)
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

async function run(args: readonly string[]): Promise<{ end: End; output: string }> {
  const child = start(args)
  const ended = endOf(child)
  const outputs = [child.stdout, child.stderr].map((output) => text(outputOf(output)))
  const [end, ...said] = await Promise.all([ended, ...outputs])
  return { end, output: said.join('') }
}

/** @throws NfdumpError where the machine has no room for another process */
function start(args: readonly string[], signal?: AbortSignal): ChildProcess {
  try {
    return spawn('nfdump', args, {
      env: ENV,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal && { signal }),
    })
  } catch (cause) {
    throw notRun(`could not be started (${(cause as NodeJS.ErrnoException).code})`, cause)
  }
}

/** There is none where not a file descriptor was left for it. */
function outputOf(stream: Readable | null | undefined): Readable {
  return stream ?? Readable.from([])
}

/** Its exit status, or that of a shell for a crash of its own; else why nobody knows what it would say. */
type End = { readonly status: number } | { readonly why: string }

/** Of these the file is the reason, and would be so again. */
const CRASHES: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL'])

async function endOf(child: ChildProcess): Promise<End> {
  try {
    const [status, signal] = (await once(child, 'close')) as [number | null, string]
    if (status !== null) return { status }
    return CRASHES.has(signal) ? { status: CRASHED } : { why: `was ended by ${signal}` }
  } catch (error) {
    return { why: `could not be started (${(error as NodeJS.ErrnoException).code})` }
  }
}

const CRASHED = 128

/** @throws NfdumpError */
function statusOf(end: End): number {
  if ('status' in end) return end.status
  throw notRun(end.why)
}

function notRun(why: string, cause?: unknown): NfdumpError {
  const hint = 'is it being replaced, or short of memory? the file is tried again'
  return new NfdumpError({ what: `nfdump ${why}`, hint, cause })
}

function compare(some: readonly number[], others: readonly number[]): number {
  for (const [at, number] of some.entries()) {
    const difference = number - (others[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
