/** examples/tipline.yml and examples/tipline-full.yml, made from the schema. */
import { stringify } from 'yaml'
import { configSection, type Section, type Setting } from './settings.js'

export const SMALLEST_CONFIG = `# tipline.yml: everything has a default but the source
sources:
  - name: main
    type: misp
    url: https://misp.example.org
    key: \${MISP_KEY}
sinks:
  memcached: { servers: ["127.0.0.1:11211"], value: ids }
`

/** What stands for settings without a default; of the others without one, the type is told. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  'sources[].misp.name': 'main',
  'sources[].misp.url': 'https://misp.example.org',
  'sources[].misp.key': `\${MISP_KEY}`,
  'sources[].feed.name': 'osint',
  'sources[].feed.path': './feed',
  'http.tokens[].name': 'soc',
  'http.tokens[].hash': `sha256:${'0'.repeat(64)}`,
  'alerts[].webhook.name': 'soc',
  'alerts[].webhook.url': 'https://soc.example.org/hooks/tipline',
  'alerts[].slack.name': 'slack',
  'alerts[].slack.url': 'https://hooks.example.com/services/T0/B0/X0',
  'alerts[].mattermost.name': 'mattermost',
  'alerts[].mattermost.url': 'https://chat.example.org/hooks/x0',
  'alerts[].email.name': 'mail',
  'alerts[].email.server': 'mail.example.org',
  'alerts[].email.from': 'tipline@example.org',
  'alerts[].email.to': ['soc@example.org'],
  'alerts[].file.name': 'file',
  'alerts[].file.path': './alerts.ndjson',
  'alerts[].syslog.name': 'siem',
  'alerts[].syslog.address': 'tls://siem.example.org:6514',
}

/** Beyond these, keys speak for themselves: they are kinds. */
const MOST_TOLD = 15
const WIDTH = 98

/** Every setting with its default. */
export function fullConfig(): string {
  const heading = comment('Every setting of tipline with its default; made by `npm run docs`.', '')
  return `${[...heading, ...sectionLines(configSection(), '')].join('\n')}\n`
}

function sectionLines(section: Section, indent: string): string[] {
  const told = section.settings.length <= MOST_TOLD || section.option !== undefined
  return section.settings.flatMap((setting) => [
    ...(indent === '' ? [''] : []),
    ...(told && setting.about !== '' ? comment(setting.about, indent) : []),
    ...settingLines(setting, section, indent),
  ])
}

function settingLines(setting: Setting, section: Section, indent: string): string[] {
  const { key, fallback, sections, type } = setting
  const here = `${indent}${key}:`
  if (sections.some(({ name }) => name.endsWith('[]'))) {
    const items = sections.map((item) => itemLines(item, `${indent}  `).join('\n'))
    const lines = [here, items.join('\n\n')]
    return setting.required ? lines : lines.map(outcommented)
  }
  if (sections[0]) {
    const lines = sectionLines(sections[0], `${indent}  `)
    // A mapping of nothing but comments would be no mapping.
    const isBare = lines.every((line) => line.trimStart().startsWith('#'))
    return [isBare ? `${indent}# ${key}:` : here, ...lines]
  }
  const given = key === 'type' ? section.option : EXAMPLES[placeOf(section, key)]
  const value = given ?? fallback
  return [value === undefined ? `${indent}# ${key}: (${type})` : `${here} ${inline(value)}`]
}

/** Of a list that may be empty: an item is only shown. */
function outcommented(lines: string): string {
  return lines.replace(/^( *)(?=[^ #])/gm, '$1# ')
}

/** The dash goes before the first line that is no comment. */
function itemLines(item: Section, indent: string): string[] {
  const lines = sectionLines(item, `${indent}  `)
  const first = lines.findIndex((line) => !line.trimStart().startsWith('#'))
  return lines.map((line, at) => {
    if (at > first) return line
    return indent + (at === first ? '- ' : '') + line.trimStart()
  })
}

function placeOf({ name, option }: Section, key: string): string {
  return [name, option, key].filter((part) => part !== undefined).join('.')
}

function inline(value: unknown): string {
  if (typeof value === 'string' && value.includes('\n')) return JSON.stringify(value)
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim()
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && indent.length + last.length + word.length < WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`
    } else lines.push(`# ${word}`)
  }
  return lines.map((line) => indent + line)
}
