/**
 * The reference of `npm run bench -- enrich`: splits a file into lines, calls JSON.parse on each, and
 * does nothing else. Prints lines a second.
 */
import { createReadStream } from 'node:fs'

const started = performance.now()
let lines = 0
let rest = ''
const file = createReadStream(process.argv[2]!, { highWaterMark: 1 << 20, encoding: 'utf8' })
for await (const chunk of file as AsyncIterable<string>) {
  const parts = (rest + chunk).split('\n')
  rest = parts.pop()!
  for (const line of parts) if (typeof JSON.parse(line) === 'object') lines += 1
}
console.log(JSON.stringify({ lines_per_second: (lines / (performance.now() - started)) * 1000 }))
