/** `docs/reference/types.md`, made from the type table. */
import type { MatchableType, UnmatchableType } from './entry.js'
import { HASHED_SPACES, namespaceOf } from './keys.js'
import { LEGACY_SPACES, OPT_IN_KINDS, TYPE_TABLE } from './types.js'

/** The whole page as Markdown, with a newline at its end. */
export function typeReference(): string {
  const matchable = TYPE_TABLE.filter((entry) => entry.matchable)
  const unmatchable = TYPE_TABLE.filter((entry) => !entry.matchable)
  return `${[
    opening(matchable.length, unmatchable.length),
    '## Types that are matched',
    table(['MISP type', 'namespace', 'note', 'ECS fields'], matchable.map(matchableRow)),
    '## Namespaces',
    namespaces(matchable),
    '## Types that are not matched',
    table(['MISP type', 'reason'], unmatchable.map(unmatchableRow)),
  ].join('\n\n')}\n`
}

function opening(matchable: number, unmatchable: number): string {
  return `# MISP types

Made from the code by \`npm run docs\`; do not edit.

MISP knows ${matchable + unmatchable} types of attributes. ${matchable} of them can be matched exactly, ${unmatchable} cannot.
A value that is not valid for its type is set aside with the reason; \`tipline status\` counts them.

- **namespace**: a value stands in memcached under \`<namespace>:<value>\`. An address with a prefix
  length stands under \`misp-net\` instead of \`misp-ip\`; one with a port stands under its address.
- **weak**: more context than indicator; not matched against flows unless the config asks for it.
- **opt-in**: innocent software may share it; served only where the config asks for its kind
  (${OPT_IN_KINDS.map(code).join(', ')}).
- **ECS fields**: the fields of the Elastic Common Schema that the type may meet.`
}

function matchableRow(entry: MatchableType): string[] {
  const spaces = entry.halves.map(({ space, weak }) =>
    weak ? `${code(namespaceOf(space))} (weak)` : code(namespaceOf(space)),
  )
  const notes = [...(entry.optIn ? ['opt-in'] : []), ...(entry.note ? [entry.note] : [])]
  return [code(entry.type), spaces.join(', '), notes.join('; '), entry.ecs.map(code).join(' ')]
}

function namespaces(matchable: readonly MatchableType[]): string {
  const used = matchable.flatMap(({ halves }) => halves.map(({ space }) => space))
  const spaces = [...new Set(['ip', 'net', ...used])]
  const rows = spaces.map((space) => [
    code(namespaceOf(space)),
    HASHED_SPACES.has(space) ? code(`${namespaceOf(space)}-sha256`) : '',
    LEGACY_SPACES.includes(space) ? 'yes' : '',
  ])
  const explanation = `A value that is long, holds blanks or is not ASCII stands under the hash of its UTF-8 bytes:
\`<namespace>-sha256:<hex>\`; every value of these namespaces does. The last column says which
namespaces MISP2memcached filled too.`
  return `${explanation}\n\n${table(['namespace', 'by hash', 'MISP2memcached'], rows)}`
}

function unmatchableRow({ type, reason }: UnmatchableType): string[] {
  return [code(type), reason]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.map(escapePipes).join(' | ')} |`).join('\n')
}

function escapePipes(cell: string): string {
  return cell.replaceAll('|', '\\|')
}

function code(text: string): string {
  return `\`${text}\``
}
