/**
 * A peer that people use: Debian's syslog-ng with its JSON parser and add-contextual-data, which looks a
 * field up in a table by exact equality: no domains above a name, no nets, no URLs. One table a field.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The fields of bench/enrich-events.ts that hold an observable. */
const FIELDS = [
  'source.ip',
  'destination.ip',
  'destination.domain',
  'dns.question.name',
  'dns.resolved_ip',
  'process.hash.md5',
  'process.hash.sha1',
  'process.hash.sha256',
  'process.pe.imphash',
] as const

export function hasSyslogNg(): boolean {
  const { status, stdout } = spawnSync('syslog-ng', ['--module-registry'], { encoding: 'utf8' })
  return status === 0 && stdout.includes('add-contextual-data')
}

export class SyslogNg {
  readonly #folder: string

  constructor(folder: string, indicators: Iterable<string>) {
    this.#folder = folder
    const rows = Array.from(indicators, (value) => `${value},event,4711\n`)
    writeFileSync(join(folder, 'indicators.csv'), rows.join(''))
    writeFileSync(join(folder, 'syslog-ng.conf'), this.#config())
  }

  /** Reads a file of lines to its end; answers the seconds, those of loading the tables included. */
  async run(lines: string): Promise<number> {
    const at = (name: string) => join(this.#folder, name)
    const files = [
      '-f',
      at('syslog-ng.conf'),
      '-R',
      at('persist'),
      '-p',
      at('pid'),
      '-c',
      at('ctl'),
    ]
    const started = process.hrtime.bigint()
    // Its stdin has to be a pipe.
    const child = spawn(
      'sh',
      [
        '-c',
        'lines=$1; shift; cat "$lines" | syslog-ng "$@"',
        'sh',
        lines,
        '-F',
        '--no-caps',
        ...files,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const [status] = (await once(child, 'close')) as [number | null]
    if (status !== 0) throw new Error(`syslog-ng ended with ${status}`)
    return Number(process.hrtime.bigint() - started) / 1e9
  }

  #config(): string {
    const database = join(this.#folder, 'indicators.csv')
    const lookups = FIELDS.map(
      (field) =>
        `add-contextual-data(selector("\${j.${field}}") database("${database}") prefix("ti.${field}."));`,
    )
    const met = FIELDS.map((field) => `\${ti.${field}.event}`).join('')
    const hit = '$(format-json --scope none --key j.* --key ti.*)'
    return `@version: 3.38
options { log-msg-size(65536); stats-freq(0); threaded(yes); };
source s_in { stdin(flags(no-parse)); };
parser p_json { json-parser(prefix("j.")); };
${lookups.map((lookup, n) => `parser p_${n} { ${lookup} };`).join('\n')}
destination d_out { file("/dev/null" template("$(if ('${met}' ne '') \\"${hit}\\" \\"\${MESSAGE}\\")\\n")); };
log {
  source(s_in); parser(p_json);
  ${lookups.map((_, n) => `parser(p_${n});`).join(' ')}
  destination(d_out); flags(flow-control);
};
`
  }
}
