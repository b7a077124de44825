/** The page of problems that the API tells, from the table by which it does. */
import type { Refusal } from '../../src/errors.js'
import { PROBLEMS, problemType } from '../../src/http/problems.js'

export function problemsReference(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([refusal, { status, title, advice }]) =>
      `| ${status} | \`${problemType(refusal as Refusal)}\` | ${title}. | ${advice} |`,
  )
  return `${[...HEAD, ...rows].join('\n')}\n`
}

const HEAD = [
  '# Problems',
  '',
  'Written by `npm run docs` from `src/http/problems.ts`. What the API refuses, or can not answer, it tells',
  'as a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) of the type',
  '`application/problem+json`: `type`, `title`, `status`, often `detail`, and `errors` where a request does',
  'not fit its description.',
  '',
  '| Status | `type` | Title | What to do |',
  '| ---: | --- | --- | --- |',
]
