/** A Ruby that runs tipline.rb as Logstash does, and is told in lines of JSON what to do. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseConfig } from '../../src/config/load.js'
import { ecsFields } from '../../src/logstash/fields.js'
import { logstashFiles } from '../../src/logstash/files.js'
import { readOwnFields } from '../../src/logstash/own-fields.js'
import { servedBy } from '../../src/logstash/settings.js'
import { endWithUs } from '../servers/program.js'

const HARNESS = fileURLToPath(new URL('harness.rb', import.meta.url))

/** Another Ruby than Debian's, with its options: JRuby, on which Logstash runs, as CONTRIBUTING tells. */
const RUBY = (process.env.TIPLINE_RUBY ?? 'ruby -w').split(' ')

export type Data = Record<string, unknown>

export interface WrittenOptions {
  readonly servers: readonly string[]
  readonly value?: 'ids' | 'json'
  /** More of the config, as YAML. */
  readonly more?: string
  readonly sources?: string
  /** A file of own fields. */
  readonly ownFields?: string
  readonly staleAfter?: number | null
  readonly mispFields?: boolean
}

export class Ruby {
  readonly folder = mkdtempSync(join(tmpdir(), 'tipline-logstash-'))
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  /** What it wrote on stderr; Ruby warns of faults there. */
  stderr = ''

  constructor() {
    const [command = 'ruby', ...args] = RUBY
    this.#child = spawn(command, [...args, HARNESS], { stdio: ['pipe', 'pipe', 'pipe'] })
    endWithUs(this.#child)
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.stderr += text
    })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  async ask<T>(what: string, of: Data = {}): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify({ do: what, ...of })}\n`)
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done) throw new Error(`Ruby ended: ${this.stderr}`)
      // Dalli's log goes to stdout too.
      if (!value.startsWith('{"answer"') && !value.startsWith('{"error"')) continue
      const said = JSON.parse(value) as { answer?: T; error?: string; at?: string[] }
      if (said.error !== undefined) throw new Error(`${said.error}\n${said.at?.join('\n')}`)
      return said.answer as T
    }
  }

  /** Writes what `tipline logstash` writes, and loads it. Answers the path of tipline.json. */
  async load(options: WrittenOptions): Promise<string> {
    const files = await written(options, this.folder)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text)
    const settings = join(this.folder, 'tipline.json')
    await this.ask('load', { script: join(this.folder, 'tipline.rb'), settings })
    return settings
  }

  /** With other settings than `tipline logstash` writes. */
  async reload(settings: string, change: Data): Promise<void> {
    const given = JSON.parse(readFileSync(settings, 'utf8')) as Data
    writeFileSync(settings, JSON.stringify({ ...given, ...change }))
    await this.ask('load', { script: join(this.folder, 'tipline.rb'), settings })
  }

  filter(events: readonly Data[], threads = 1): Promise<Data[]> {
    return this.ask('filter', { events, threads })
  }

  async one(event: Data): Promise<Data> {
    const [after] = await this.filter([event])
    return after!
  }

  async close(): Promise<void> {
    this.#child.stdin?.end()
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const SOURCES = '  - { name: main, url: "https://misp.example.org", key: not-a-key }'

export async function written(
  { servers, value = 'json', more = '', sources = SOURCES, ...options }: WrittenOptions,
  installedIn: string,
): Promise<Record<string, string>> {
  const sink = JSON.stringify({ memcached: { servers, value } })
  const text = `sources:\n${sources}\nsinks: ${sink}\n${more}`
  const config = await parseConfig(text, { file: 'tipline.yml', env: {} })
  const served = servedBy(config)
  const own = options.ownFields
  return logstashFiles(config, {
    fields: own === undefined ? ecsFields(served) : readOwnFields(own, 'fields.yml', served),
    installedIn,
    staleAfter: options.staleAfter === undefined ? null : options.staleAfter,
    legacyFields: options.mispFields,
  })
}
