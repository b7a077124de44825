/** A real syslog-ng on free ports of loopback: UDP, TCP and TLS by RFC 5424, and a stream socket. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Issued } from '../misp-client/certs.js'
import { endWithUs, freePort, hasProgram } from './program.js'

export function hasSyslogNg(): boolean {
  return hasProgram('syslog-ng', ['--version'], 'apt-get install syslog-ng-core')
}

/** What it read, in its own names. */
export interface Received {
  readonly PROGRAM: string
  readonly PRIORITY: string
  readonly FACILITY: string
  readonly HOST: string
  readonly PID: string
  readonly MSGID: string
  readonly MESSAGE: string
}

export class SyslogNg {
  readonly folder = mkdtempSync(join(tmpdir(), 'tipline-syslog-'))
  readonly ports = { udp: 0, tcp: 0, tls: 0 }
  readonly #issued: Issued
  #child: ChildProcess | null = null

  static async start(issued: Issued): Promise<SyslogNg> {
    const server = new SyslogNg(issued)
    for (const transport of ['udp', 'tcp', 'tls'] as const) {
      server.ports[transport] = await freePort()
    }
    await server.restart()
    return server
  }

  private constructor(issued: Issued) {
    this.#issued = issued
  }

  get socket(): string {
    return join(this.folder, 'log')
  }

  async restart(): Promise<void> {
    await this.stop()
    const at = (name: string) => join(this.folder, name)
    writeFileSync(at('cert.pem'), this.#issued.cert)
    writeFileSync(at('key.pem'), this.#issued.key)
    writeFileSync(at('conf'), this.#config())
    rmSync(this.socket, { force: true })
    const files = ['--persist-file', at('persist'), '--pidfile', at('pid'), '--control', at('ctl')]
    const child = spawn('syslog-ng', ['-F', '--no-caps', '-f', at('conf'), ...files], {
      stdio: 'inherit',
    })
    this.#child = child
    endWithUs(child)
    // Its sockets are all bound when the last of them is there.
    for (const until = Date.now() + 30_000; !existsSync(this.socket); await sleep(20)) {
      if (Date.now() > until) throw new Error('syslog-ng does not start')
    }
  }

  /** Once there are so many. */
  async received(count: number): Promise<Received[]> {
    for (const until = Date.now() + 30_000; ; await sleep(20)) {
      const lines = this.lines()
      if (lines.length >= count) return lines
      if (Date.now() > until) throw new Error(`${lines.length} of ${count} messages came`)
    }
  }

  lines(): Received[] {
    const file = join(this.folder, 'out')
    if (!existsSync(file)) return []
    const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    return whole.map((line) => JSON.parse(line) as Received)
  }

  async stop(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #config(): string {
    const { udp, tcp, tls } = this.ports
    const source = (transport: string, port: number, more = '') =>
      `syslog(ip(127.0.0.1) port(${port}) transport("${transport}") ${more});`
    const keys = `key-file("${this.folder}/key.pem") cert-file("${this.folder}/cert.pem")`
    return `@version: 3.38
options { keep-hostname(yes); flush-lines(1); log-msg-size(65536); stats-freq(0); };
source s {
  ${source('udp', udp)}
  ${source('tcp', tcp)}
  ${source('tls', tls, `tls(${keys} peer-verify(optional-untrusted))`)}
  unix-stream("${this.socket}" flags(syslog-protocol));
};
destination d { file("${this.folder}/out" template("$(format-json --scope rfc5424)\\n")); };
log { source(s); destination(d); };
`
  }
}
