/** A thread of a crew: matches the blocks that it is sent, with what the crew knows. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Answer, type HelperData, type Task, UP } from './crew-helper.js'
import type { SharedIndex } from './key-index.js'
import { LineMatcher } from './line-matcher.js'
import { Scan } from './scan.js'
import { States } from './states.js'

const { dataDir, thread, ...settings } = workerData as HelperData
const states = new States(dataDir)
let scan: Scan | undefined
let matcher: LineMatcher | undefined

parentPort!.on('message', ({ place, block, shared }: Task) => {
  follow(shared)
  parentPort!.postMessage(match(place, block))
})

parentPort!.postMessage(UP)

/** The first task brings the index. */
function follow(shared: SharedIndex | null): void {
  const isWritten = states.refresh()
  if (shared) scan = new Scan(shared, thread)
  if (matcher === undefined) matcher = new LineMatcher(scan!, { ...settings, states })
  else if (isWritten || shared) matcher.refreshed(scan!)
}

function match(place: number, block: Task['block']): Answer {
  if ('file' in block) return matcher!.matchRange(place, block)
  return { ...matcher!.matchPlaced(place, block.length), length: block.length }
}
