// Preloaded (`node --import`): this process gets the signal SIGNAL when it begins to load the module
// whose address ends with SIGNAL_AT. A real signal, at a moment that is always the same.
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) register(import.meta.url)

let isSent = false

/** Called on a thread of its own, for each module. */
export async function load(url, context, next) {
  if (!isSent && url.endsWith(process.env.SIGNAL_AT)) {
    isSent = true
    process.kill(process.pid, process.env.SIGNAL)
  }
  return next(url, context)
}
