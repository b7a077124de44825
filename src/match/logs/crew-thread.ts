/** A thread of a crew: scans the blocks that it is sent, and examines what it finds where that pays. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Answer, type HelperData, type Order, READY, type Task } from './crew-helper.js'
import type { SharedIndex } from './key-index.js'
import { LineMatcher } from './line-matcher.js'
import { Scan } from './scan.js'
import { States } from './states.js'

const { dataDir, thread, ...settings } = workerData as HelperData
const states = new States(dataDir)
const matcher = new LineMatcher({ ...settings, states })
let scan: Scan

/**
 * Lines that are left to the first thread, which examines its own anyway. That is much code, slow until it
 * has run a while: to begin with it costs a thread as much as some thousand lines.
 */
const LEFT = 1000
let found = 0

parentPort!.on('message', (order: Order) => {
  parentPort!.postMessage('index' in order ? use(order.index) : match(order))
})

/** Comes before the first task. */
function use(index: SharedIndex): typeof READY {
  states.refresh()
  scan = new Scan(index, thread)
  matcher.use(scan)
  return READY
}

function match({ place, block }: Task): Answer {
  if (states.refresh()) matcher.use(scan)
  const { length } = 'file' in block ? matcher.read(place, block) : block
  const scanned = scan.scan(place, length)
  found += scanned.found.length
  if (found <= LEFT) return { length, ...scanned }
  return { length, ...matcher.examine(scan.block(place, length), scanned) }
}
