/** A thread of a crew: matches the blocks that it is sent, with what the crew knows. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Task, ThreadData } from './crew.js'
import { LineMatcher } from './line-matcher.js'
import { Scan } from './scan.js'
import { States } from './states.js'

const { dataDir, shared, thread, ...settings } = workerData as ThreadData
const states = new States(dataDir)
states.refresh()
let scan = new Scan(shared, thread)
const matcher = new LineMatcher(scan, { ...settings, states })

parentPort!.on('message', (task: Task) => {
  if (task.shared) scan = new Scan(task.shared, thread)
  if (states.refresh() || task.shared) matcher.refreshed(scan)
  parentPort!.postMessage(matcher.matchPlaced(task.place, task.length))
})
