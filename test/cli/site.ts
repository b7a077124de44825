/** A place with all that a user has: a folder with a config, a MISP, a memcached. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Standin, startStandin } from '../misp/standin.js'
import { Store } from '../misp/store.js'
import { Memcached } from '../servers/memcached.js'
import { documentOf, type Ran, Running, type RunOptions, tipline } from './cli.js'

export const SHA256 = '9f2b6b0d5f1b3c8a7e4d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7'
const DAY = 86_400

/** Two events of the last days that share an address. */
export function twoEvents(): Store {
  const store = new Store()
  const at = (days: number) => ({
    timestamp: store.now - days * DAY,
    publish_timestamp: store.now - days * DAY + 60,
  })
  store.addEvent({
    ...at(5),
    info: 'Phishing kit',
    threat_level_id: 2,
    tags: ['tlp:green'],
    attributes: [
      { type: 'ip-dst', value: '198.51.100.7', timestamp: store.now - 5 * DAY },
      { type: 'domain', value: 'evil.example' },
      { type: 'url', value: 'http://evil.example/gate.php?id=1' },
      { type: 'filename|sha256', value: `invoice.js|${SHA256}` },
      { type: 'ip-dst|port', value: '203.0.113.9|8443' },
    ],
  })
  store.addEvent({
    ...at(2),
    info: 'Scanner',
    tags: ['tlp:green'],
    attributes: [
      { type: 'ip-src', value: '198.51.100.7', timestamp: store.now - 2 * DAY },
      { type: 'ip-src', value: '192.0.2.77' },
    ],
  })
  return store
}

export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'tipline-cli-'))
  readonly #closers: (() => Promise<void>)[] = []
  #misp: Standin | undefined
  #memcached: Memcached | undefined

  get misp(): Standin {
    if (!this.#misp) throw new Error('this site has no MISP')
    return this.#misp
  }

  get memcached(): Memcached {
    if (!this.#memcached) throw new Error('this site has no memcached')
    return this.#memcached
  }

  async startMisp(store: () => Store = twoEvents): Promise<Standin> {
    const misp = await startStandin({ store })
    this.#misp = misp
    this.#closers.push(() => misp.close())
    return misp
  }

  async startMemcached(): Promise<Memcached> {
    const memcached = await Memcached.start()
    this.#memcached = memcached
    this.#closers.push(() => memcached.stop())
    return memcached
  }

  /** tipline.yml with the MISP, and the memcached where there is one. */
  writeConfig(more = ''): void {
    const sinks = this.#memcached
      ? `sinks:\n  memcached: { servers: ["${this.#memcached.address}"], value: ids, timeout: 2s }\n`
      : ''
    const { url, keys } = this.misp
    const source = `  - { name: main, url: "${url}", key: "${keys.readonly}" }\n`
    writeFileSync(join(this.folder, 'tipline.yml'), `sources:\n${source}${sinks}${more}`)
  }

  /** The config.yml of MISP2memcached, with the expiry of each group. */
  writeLegacyConfig(expires: { hash: number; network: number; web: number }): void {
    const { url, keys } = this.misp
    const groups = Object.entries(expires).map(
      ([group, seconds]) => `${group}:\n  enabled: true\n  expires: ${seconds}\n`,
    )
    this.write(
      'config.yml',
      `memcached:
  host: 127.0.0.1
  port: ${this.memcached.port}
misp:
  url: ${url}
  token: ${keys.readonly}
  ignore_cert_errors: false
  initial_event_timestamp: 365d
  refresh_event_timestamp: 1h
${groups.join('')}`,
    )
  }

  /** What Logstash can look up in memcached; hashed keys and our own are left out. */
  async lookedUp(): Promise<Record<string, string | null>> {
    const keys = await this.memcached.keys()
    const plain = keys.filter(
      (key) => key.startsWith('misp-') && key !== 'misp-stats' && !/^misp-.+-sha256:/.test(key),
    )
    const values = await Promise.all(
      plain.map(async (key) => [key, await this.memcached.read(key)] as const),
    )
    return Object.fromEntries(values)
  }

  /** Seconds until memcached lets go of a key; -1: never. */
  async expiryOf(key: string): Promise<number> {
    const answer = await this.memcached.say(`mg ${key} t\r\n`, '\r\n')
    return Number(/^HD t(-?\d+)/.exec(answer)?.[1])
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, text)
    return path
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    return new Running(args, { cwd: this.folder, ...options })
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return tipline(args, { cwd: this.folder, ...options })
  }

  /** With --json; the document. */
  async ask(args: readonly string[]): Promise<Record<string, unknown> & { exit: number | null }> {
    const ran = await this.run([...args, '--json'])
    return { ...documentOf(ran), exit: ran.status }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Polls; a test that waits for nothing ends by its own timeout. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(20)
}
