/** A thread of a crew: matches the blocks that it is sent, with what the crew knows. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Answer, type HelperData, type Order, READY, type Task } from './crew-helper.js'
import type { SharedIndex } from './key-index.js'
import { LineMatcher } from './line-matcher.js'
import { Scan } from './scan.js'
import { States } from './states.js'

const { dataDir, thread, ...settings } = workerData as HelperData
const states = new States(dataDir)
let scan: Scan
let matcher: LineMatcher | undefined

parentPort!.on('message', (order: Order) => {
  parentPort!.postMessage('index' in order ? use(order.index) : match(order))
})

/** Comes before the first task. */
function use(index: SharedIndex): typeof READY {
  states.refresh()
  scan = new Scan(index, thread)
  if (matcher) matcher.refreshed(scan)
  else matcher = new LineMatcher(scan, { ...settings, states })
  return READY
}

function match({ place, block }: Task): Answer {
  if (states.refresh()) matcher!.refreshed(scan)
  if ('file' in block) return matcher!.matchRange(place, block)
  return { ...matcher!.matchPlaced(place, block.length), length: block.length }
}
