/**
 * The reference of bench/sync.ts: sends the given requests one after the other and throws the answers
 * away. Reads `{url, key, bodies}` from the file that is named first.
 */
import { readFileSync } from 'node:fs'
import { request } from 'undici'

interface Job {
  readonly url: string
  readonly key: string
  readonly bodies: readonly string[]
}

const job = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Job
const headers = {
  authorization: job.key,
  accept: 'application/json',
  'content-type': 'application/json',
}
for (const body of job.bodies) {
  const answer = await request(`${job.url}/attributes/restSearch`, {
    method: 'POST',
    headers,
    body,
  })
  // Not `dump()`: it hangs up after 128 KiB.
  for await (const _ of answer.body);
}
