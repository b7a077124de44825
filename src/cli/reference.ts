/** docs/reference/cli.md, made from the commands. */
import type { Argument, Command, Option } from 'commander'
import { examplesOf } from './commands/options.js'
import { buildProgram } from './program.js'

/** The whole page as Markdown, with a newline at its end. */
export function cliReference(): string {
  const program = buildProgram({ execute: async () => undefined })
  const chapters = program.commands.flatMap((command) => chaptersOf(command, 'tipline'))
  return `${[INTRODUCTION, ...chapters].join('\n\n')}\n`
}

const INTRODUCTION = `# The command line

Made from the code by \`npm run docs\`; do not edit.

- **Answers** go to stdout, for eyes or with \`--json\` as one JSON document; the log goes to stderr.
- **Config**: the file that \`-c\` names, else \`$TIPLINE_CONFIG\`, else \`./tipline.yml\`. A config of MISP2memcached is read as it is.
- **Wrong use**: options that would be ignored, as they contradict each other, mean nothing without another one or stand before a sub-command, and empty values, are refused before anything is done.
- **Times** are told in UTC.
- **Colours** only on a terminal, and not where \`NO_COLOR\` is set.
- **Foreign text** is made fit for a terminal: control characters show as \`\\u....\`. Secrets show as \`[secret]\`.
- **SIGINT and SIGTERM** let the batch that is being written finish and leave a consistent state; a second one ends the process at once.

| exit status | |
| --- | --- |
| 0 | done; also where another process is syncing already |
| 1 | nothing found, or a check failed |
| 2 | wrong use, or wrong config; nothing was done |
| 3 | something outside failed: a source, a sink, the data folder |
| 4 | the guard froze a source |
| 70 | a bug in tipline |
| 130, 143 | stopped by SIGINT, SIGTERM |

Where several apply, the order is 2, 4, 3, 1. With \`--json\` a command that fails answers \`{"error": {...}}\`.`

function chaptersOf(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`
  const children = command.commands.flatMap((child) => chaptersOf(child, name))
  return [chapter(command, name), ...children]
}

function chapter(command: Command, name: string): string {
  const isGroup = command.commands.length > 0
  const paragraphs = [
    `## ${name}`,
    command.description(),
    isGroup ? '' : code([`${name} ${command.usage()}`]),
    table('argument', command.registeredArguments.map(argumentRow)),
    table('option', command.options.map(optionRow)),
    code(examplesOf(command).map(([line, does]) => (does === '' ? line : `${line}  # ${does}`))),
  ]
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')
}

function code(lines: readonly string[]): string {
  return lines.length === 0 ? '' : ['```sh', ...lines, '```'].join('\n')
}

type Row = readonly [name: string, does: string]

function table(what: string, rows: readonly Row[]): string {
  if (rows.length === 0) return ''
  const lines = rows.map(([name, does]) => `| \`${name}\` | ${cell(does)} |`)
  return [`| ${what} | |`, '| --- | --- |', ...lines].join('\n')
}

function argumentRow(argument: Argument): Row {
  return [argument.name(), argument.description]
}

function optionRow({ flags, description, argChoices }: Option): Row {
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`
  return [flags, `${description}${choices}`]
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
