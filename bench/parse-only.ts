/**
 * The reference of `npm run bench -- enrich`: splits a file into lines, calls JSON.parse on each, and
 * does nothing else. Prints lines a second; with a second argument, those of so many threads together,
 * each of which does the same.
 */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

if (isMainThread) await main(process.argv[2]!, Number(process.argv[3] ?? 1))
else parentPort!.postMessage(await linesPerSecond(workerData as string))

async function main(path: string, threads: number): Promise<void> {
  const others = Array.from({ length: threads - 1 }, async () => {
    const [rate] = (await once(
      new Worker(fileURLToPath(import.meta.url), { workerData: path }),
      'message',
    )) as [number]
    return rate
  })
  const rates = await Promise.all([linesPerSecond(path), ...others])
  console.log(JSON.stringify({ lines_per_second: rates.reduce((sum, rate) => sum + rate, 0) }))
}

async function linesPerSecond(path: string): Promise<number> {
  const started = performance.now()
  let lines = 0
  let rest = ''
  const file = createReadStream(path, { highWaterMark: 1 << 20, encoding: 'utf8' })
  for await (const chunk of file as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    for (const line of parts) if (typeof JSON.parse(line) === 'object') lines += 1
  }
  return (lines / (performance.now() - started)) * 1000
}
