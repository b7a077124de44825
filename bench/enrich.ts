/**
 * `tipline enrich` as a process against merely calling JSON.parse on each line, taking turns in one run.
 *
 * `npm run bench -- enrich [--quick] [--rounds=N]` prints JSON. Ratios of CPU time, all threads of the
 * whole process, stand beside those of the rate: they say more where others use the machine too.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  createWriteStream,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { LedgerWriter } from '../src/ledger/writer.js'
import { event } from '../test/ledger/rows.js'
import { domainOf, eventLine, indicatorOf, staged } from './enrich-events.js'
import { median, ROOT } from './process.js'
import { hasSyslogNg, SyslogNg } from './syslog-ng.js'

const quick = process.argv.includes('--quick')
const sizes = quick
  ? { events: 100_000, indicators: 100_000, rounds: 3 }
  : { events: 1_000_000, indicators: 1_000_000, rounds: 5 }
const roundsAsked = Number(/^--rounds=(\d+)$/.exec(process.argv.at(-1) ?? '')?.[1] ?? sizes.rounds)
/** One event in so many holds an indicator. */
const HIT_EVERY = 1000

/** Processes so far. */
let started = 0

const folder = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
try {
  console.log(JSON.stringify(await bench(), rounded, 2))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function bench() {
  fillLedger()
  const events = join(folder, 'events.json')
  await writeEvents(events)
  const runs: Record<'reference' | 'references' | 'one' | 'ones' | 'two' | 'recording', Run[]> = {
    reference: [],
    references: [],
    one: [],
    ones: [],
    two: [],
    recording: [],
  }
  for (let round = 0; round < roundsAsked; round += 1) {
    runs.reference.push(await run(['.build/bench/parse-only.js', events]))
    runs.references.push(await run(['.build/bench/parse-only.js', events, '2']))
    runs.one.push(await enrich(events, 1))
    runs.two.push(await enrich(events, 2))
    runs.ones.push(together(await Promise.all([enrich(events, 1), enrich(events, 1)])))
    runs.recording.push(await enrich(events, 1, '--record'))
    for (const file of readdirSync(folder)) {
      if (file.startsWith('hits.db')) rmSync(join(folder, file))
    }
  }
  const nothing = join(folder, 'nothing.json')
  await once(createWriteStream(nothing).end('{}\n'), 'close')
  const peer = hasSyslogNg() ? await runSyslogNg(events, nothing) : null
  const idle: Run[] = []
  for (let round = 0; round < roundsAsked; round += 1) idle.push(await enrich(nothing, 1))
  const bare = await run(['.build/bench/nothing.js'])
  const ratios = (a: readonly Run[], b: readonly Run[]) => a.map(({ rate }, n) => rate / b[n]!.rate)
  return {
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
    events: sizes.events,
    bytes_per_event: statSync(events).size / sizes.events,
    indicators: sizes.indicators,
    rounds: roundsAsked,
    reference_per_second: median(runs.reference.map(({ rate }) => rate)),
    one_thread: {
      per_second: median(runs.one.map(({ rate }) => rate)),
      ratio: median(ratios(runs.one, runs.reference)),
      ratios: ratios(runs.one, runs.reference),
      goal: 'at least 2',
      cpu_ratio: median(runs.one.map(({ cpu }, n) => runs.reference[n]!.cpu / cpu)),
      cpu_us_per_event: median(runs.one.map(({ cpu }) => (cpu * 1e6) / sizes.events)),
      hit_lines: runs.one[0]!.hitLines,
      peak_mb: median(runs.one.map(({ peakBytes }) => peakBytes / 1e6)),
    },
    two_threads: {
      per_second: median(runs.two.map(({ rate }) => rate)),
      by_one_thread: median(ratios(runs.two, runs.one)),
      cpu_by_one_thread: median(runs.two.map(({ cpu }, n) => cpu / runs.one[n]!.cpu)),
      by_one_thread_all: ratios(runs.two, runs.one),
      goal: 'at least 1.8',
      peak_mb: median(runs.two.map(({ peakBytes }) => peakBytes / 1e6)),
      peak_goal: 'at most 250 MB',
    },
    // What two cores of this machine give to work that shares nothing: no two threads can give more.
    machine_bound: {
      two_processes_by_one_thread: median(ratios(runs.ones, runs.one)),
      two_processes_by_one_thread_all: ratios(runs.ones, runs.one),
      two_references_by_one: median(ratios(runs.references, runs.reference)),
      two_references_by_one_all: ratios(runs.references, runs.reference),
      two_threads_by_two_processes: median(ratios(runs.two, runs.ones)),
    },
    recording_on_one_thread: {
      per_second: median(runs.recording.map(({ rate }) => rate)),
      by_one_thread: median(ratios(runs.recording, runs.one)),
      recorded: runs.recording[0]!.recorded,
    },
    syslog_ng:
      peer === null
        ? 'not installed: apt-get install syslog-ng-core syslog-ng-mod-add-contextual-data'
        : { ...peer, one_thread_by_it: median(runs.one.map(({ rate }) => rate)) / peer.per_second },
    ready: {
      whole_process_seconds: median(idle.map(({ seconds }) => seconds)),
      whole_process_seconds_all: idle.map(({ seconds }) => seconds),
      cpu_seconds: median(idle.map(({ cpu }) => cpu)),
      bare_node_seconds: bare.seconds,
      goal: 'under 1 s',
    },
  }
}

/** Its loading of the tables is told apart. */
async function runSyslogNg(events: string, nothing: string) {
  const values = Array.from({ length: sizes.indicators }, (_, n) => indicatorOf(n).value)
  const peer = new SyslogNg(folder, values)
  const loading = await peer.run(nothing)
  const whole = await peer.run(events)
  return { loading_seconds: loading, per_second: sizes.events / (whole - loading) }
}

function fillLedger(): void {
  const writer = new LedgerWriter(folder)
  const source = writer.registerSources(['main'])[0]!.id
  writer.beginStaging()
  const ofEvent = 1000
  for (let first = 0; first < sizes.indicators; first += ofEvent) {
    const name = `event ${first}`
    writer.stageEvents([event(name)])
    writer.stageAttributes(Array.from({ length: ofEvent }, (_, n) => staged(name, first + n)))
  }
  writer.judge({ source })
  writer.beginApply({ source, now: 2000, withholdAbsent: false, withholdAdded: false })
  while (writer.applyNext() === null);
  writer.close()
}

async function writeEvents(path: string): Promise<void> {
  const out = createWriteStream(path)
  const piece = 1000
  for (let first = 0; first < sizes.events; first += piece) {
    const lines = Array.from({ length: piece }, (_, at) => {
      const n = first + at
      const hit = n % HIT_EVERY === 7 ? `c2.${domainOf((n % sizes.indicators) - 5)}` : null
      return eventLine({ n, hit })
    })
    if (!out.write(`${lines.join('\n')}\n`)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
}

interface Run {
  /** Lines a second, without the start of the process. */
  readonly rate: number
  readonly hitLines: number
  /** Hits; 0 where that is not asked for. */
  readonly recorded: number
  /** Of the whole process. */
  readonly seconds: number
  readonly cpu: number
  readonly peakBytes: number
}

/** Two processes side by side, as one. */
function together(runs: readonly Run[]): Run {
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0)
  return {
    rate: sum(({ rate }) => rate),
    hitLines: sum(({ hitLines }) => hitLines),
    recorded: sum(({ recorded }) => recorded),
    seconds: Math.max(...runs.map(({ seconds }) => seconds)),
    cpu: sum(({ cpu }) => cpu),
    peakBytes: sum(({ peakBytes }) => peakBytes),
  }
}

function enrich(file: string, threads: number, ...more: string[]): Promise<Run> {
  const options = ['--data-dir', folder, '--threads', String(threads), '--stats', '--json']
  const args = [...options, ...more, file]
  return run(['.build/src/cli/main.js', 'enrich', ...args])
}

/** The last line of a process's figures; what else it writes goes to /dev/null. */
async function run([script, ...args]: readonly [string, ...string[]]): Promise<Run> {
  const measured = join(folder, `measured-${++started}.json`)
  const isReference = script.startsWith('.build/bench')
  const begun = process.hrtime.bigint()
  const child = spawn(
    process.execPath,
    ['-r', join(ROOT, 'bench/measure.cjs'), join(ROOT, script), ...args],
    {
      stdio: [
        'ignore',
        isReference ? 'pipe' : openSync('/dev/null', 'w'),
        isReference ? 'inherit' : 'pipe',
      ],
      env: { ...process.env, MEASURE: measured },
    },
  )
  let told = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
  }
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${told}`)
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9
  const figures = (told === '' ? {} : JSON.parse(told)) as Record<string, number>
  const used = JSON.parse(readFileSync(measured, 'utf8')) as Pick<Run, 'cpu' | 'peakBytes'>
  return {
    ...used,
    rate: figures.lines_per_second ?? 0,
    hitLines: figures.hit_lines ?? 0,
    recorded: figures.recorded ?? 0,
    seconds,
  }
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(4))
    : value
}
