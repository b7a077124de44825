/** docs/reference/config.md, made from the schema. */
import { SMALLEST_CONFIG } from './example.js'
import { GROUP_TYPES } from './misp2memcached.js'
import { configSection, type Section, type Setting } from './settings.js'

/** The whole page as Markdown, with a newline at its end. */
export function configReference(): string {
  const [top, ...sections] = all(configSection())
  return [
    INTRODUCTION,
    '## Top level',
    table(top!),
    ...sections.map(chapter),
    legacyChapter(),
    misp2chChapter(),
  ].join('\n\n')
}

function all(section: Section): Section[] {
  return [section, ...section.settings.flatMap(({ sections }) => sections.flatMap(all))]
}

function chapter(section: Section): string {
  const { name, option, about } = section
  const title = option === undefined ? code(name) : `${code(name)}, type ${code(option)}`
  return [`## ${title}`, ...(about === '' ? [] : [about]), table(section)].join('\n\n')
}

function table({ settings }: Section): string {
  const rows = settings.map((setting) => [
    code(setting.key),
    setting.type,
    defaultText(setting),
    setting.about,
  ])
  const lines = [['key', 'type', 'default', 'what it does'], ['---', '---', '---', '---'], ...rows]
  return lines.map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')
}

function defaultText({ required, fallback, sections }: Setting): string {
  if (required) return 'required'
  if (sections.length > 0) return 'below'
  return fallback === undefined ? '' : code(JSON.stringify(fallback).replaceAll(/^"|"$/g, ''))
}

/** How another tool's config is read. */
function legacyChapter(): string {
  const { hash, network, web } = GROUP_TYPES
  const types = (group: readonly string[]) => group.map((type) => cell(code(type))).join(' ')
  return `## MISP2memcached's config.yml

Read as it is (\`tipline sync -c config.yml\`); \`tipline config migrate\` writes it in the form above. Its
data folder is \`./<name of the config>.tipline-data\` beside it. Keys that it does not know are told and
ignored.

| there | here |
| --- | --- |
| \`memcached.host\`, \`port\` | \`sinks.memcached.servers\`, with \`value: ids\` |
| \`misp.url\`, \`token\`, \`ignore_cert_errors\` | a source \`misp\` with \`url\`, \`key\`, \`ignore_cert_errors\` |
| \`misp.initial_event_timestamp\` | \`filters.since\`: what is loaded; nothing that was loaded ages out of it |
| \`misp.refresh_event_timestamp\` | nothing: each sync compares all events |
| \`hash.enabled\` | \`filters.types\`: ${types(hash)} |
| \`network.enabled\` | \`filters.types\`: ${types(network)} |
| \`web.enabled\` | \`filters.types\`: ${types(web)} |
| \`expires\` of each | \`sinks.memcached.expires\`, each group by its own (it took that of hash for all) |
| | \`filters.published: any\`, and \`policy\` without TLP, age and validity: it knew none of them |
`
}

/** How misp2ch's is. */
function misp2chChapter(): string {
  return `
## misp2clickhouse's misp2ch.conf

Read as it is (\`tipline sync -c misp2ch.conf\`), by the rules of Python's configparser. Its data folder is
\`./<name of the config>.tipline-data\` beside it.

| there | here |
| --- | --- |
| \`misp_fqdn\` | the source's \`url\` and its \`name\`, which stands in the column \`misp\` |
| \`token\`, \`verify_tls\` | \`key\`, \`ignore_cert_errors\` |
| \`json_req\` | \`search\`; type (${cell(code('ip-dst|port'))}) and to_ids are set, as misp2ch set them |
| \`ch_db_iocs\`, \`ch_db_hits\`, \`ch_db_flows\` | \`sinks.clickhouse.tables\` |
| \`backscan\` | \`sinks.clickhouse.backscan\`, in days |
| \`remove_old = False\` | \`sinks.clickhouse.keep_old: true\` |
| | \`sinks.clickhouse.url: http://localhost:8123\`, and \`policy\` without TLP, age and validity |
`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function code(text: string): string {
  return `\`${text}\``
}

const INTRODUCTION = `# The config

Made from the code by \`npm run docs\`; do not edit.

The smallest there can be (\`examples/tipline.yml\`); \`examples/tipline-full.yml\` has every setting:

\`\`\`yaml
${SMALLEST_CONFIG.trimEnd()}
\`\`\`

- **Which file**: the one that \`-c\` names, else \`$TIPLINE_CONFIG\`, else \`./tipline.yml\`, else \`./tipline.yaml\`.
- **Paths** in it are relative to it, wherever tipline is started.
- **Environment**: \`\${NAME}\` in a text stands for the variable NAME, which must be set; \`$\${\` is a plain \`\${\`.
- **Secrets** may stand in a file of their own, in one line: \`key_file: misp.key\` in the place of \`key\`.
- **Durations** are a whole number and a unit: \`30s 5m 12h 3d 4w\`, some also take \`1y\`.
- **Mistakes** are all told at once, with line, column, key and the nearest valid key; the exit status is 2.
  \`tipline config check\` only looks; \`tipline config show\` prints what is in effect, without secrets;
  \`tipline config schema\` prints a JSON Schema for editors.`
