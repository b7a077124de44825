/**
 * The stand-in as a process of its own: `node standin-main.js '{"attributes":200000,"pace":30000}'`
 * prints `{"url","port","keys","pid"}` on one line and serves until it is told to go.
 *
 * It listens on stdin for NDJSON: {"touch": N} edits N attributes and publishes their events again,
 * {"advance": SECONDS}, {"fault": {...}} (kept), {"clear": true}, {"pace": N|null},
 * {"stats": true}. Each is answered by one line on stdout. The end of stdin ends the process.
 */
import { createInterface } from 'node:readline'
import type { FaultSpec } from './faults.js'
import { type Standin, startStandin } from './standin.js'
import { bulkWorld, smallWorld, touch } from './world.js'

interface Options {
  /** Without it: smallWorld. */
  readonly attributes?: number
  readonly eventsOf?: number | readonly [from: number, to: number]
  readonly seed?: number
  readonly now?: number
  readonly pace?: number
  readonly port?: number
}

interface Command {
  readonly touch?: number
  readonly advance?: number
  readonly fault?: FaultSpec
  readonly clear?: true
  readonly pace?: number | null
  readonly stats?: true
}

const { attributes, eventsOf, pace, port, ...world } = JSON.parse(
  process.argv[2] ?? '{}',
) as Options
const misp = await startStandin({
  store: () =>
    attributes === undefined
      ? smallWorld(world)
      : bulkWorld({ ...world, attributes, ...(eventsOf !== undefined && { eventsOf }) }),
  ...(pace !== undefined && { pace }),
  ...(port !== undefined && { port }),
})
say({ url: misp.url, port: misp.port, keys: misp.keys, pid: process.pid })
const lines = createInterface({ input: process.stdin })
for await (const line of lines) say(obey(misp, JSON.parse(line) as Command))
await misp.close()

function obey(standin: Standin, command: Command): unknown {
  if (command.advance !== undefined) standin.store.advance(command.advance)
  if (command.pace !== undefined) standin.pace = command.pace ?? undefined
  if (command.clear) standin.faults.clear()
  if (command.fault) standin.faults.always(command.fault)
  if (command.touch !== undefined) return { touched: touch(standin.store, command.touch) }
  return stats(standin)
}

function stats(standin: Standin): unknown {
  const { requests } = standin
  return {
    requests: requests.length,
    rows: requests.reduce((sum, request) => sum + request.rows, 0),
    rss: process.memoryUsage().rss,
    cpu: process.cpuUsage(),
  }
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
