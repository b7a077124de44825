// Preloaded (`node --import`): throws where nobody catches it, as soon as the file THROW_AT is there.
import { existsSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const look = () => {
  if (existsSync(process.env.THROW_AT)) throw new Error('nobody catches this')
}
if (isMainThread) setInterval(look, 20).unref()
