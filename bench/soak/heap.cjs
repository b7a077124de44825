// Preloaded with --expose-gc: writes down, every few seconds, what the heap holds after a collection.
// What only waits to be collected is no leak; what a collection leaves, and ever more of it, is one.
const { appendFileSync } = require('node:fs')
const { isMainThread } = require('node:worker_threads')

const EVERY_MS = 5000

function look() {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  appendFileSync(process.env.HEAP_FILE, `${process.pid} ${heapUsed + external}\n`)
}

if (isMainThread && process.env.HEAP_FILE) setInterval(look, EVERY_MS).unref()
