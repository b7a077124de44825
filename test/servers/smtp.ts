/** A real mail server, `python3-aiosmtpd` of Debian, as a child process on a free port of loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Issued } from '../misp-client/certs.js'
import { endWithUs, hasProgram } from './program.js'

/** Debian's own Python, whatever else stands in the path: there its package is. */
const PYTHON = '/usr/bin/python3'
const SCRIPT = fileURLToPath(new URL('smtp.py', import.meta.url))

export function hasSmtp(): boolean {
  return hasProgram(PYTHON, ['-c', 'import aiosmtpd'], 'apt-get install python3-aiosmtpd')
}

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly tls: boolean
  readonly user: string | null
  /** As it came over the wire. */
  readonly content: string
}

export interface SmtpOptions {
  readonly security: 'none' | 'starttls' | 'tls'
  readonly issued?: Issued
  readonly password?: string
  readonly port?: number
}

export class SmtpServer {
  readonly mails: Mail[] = []
  port = 0
  readonly #folder = mkdtempSync(join(tmpdir(), 'tipline-smtp-'))
  #child: ChildProcess | null = null

  static async start(options: SmtpOptions): Promise<SmtpServer> {
    const server = new SmtpServer()
    await server.#run(options)
    return server
  }

  async #run({ security, issued, password = '', port = 0 }: SmtpOptions): Promise<void> {
    const [cert, key] = [join(this.#folder, 'cert.pem'), join(this.#folder, 'key.pem')]
    if (issued) {
      writeFileSync(cert, issued.cert)
      writeFileSync(key, issued.key)
    }
    const options = { security, password, port, cert: issued ? cert : '', key }
    const child = spawn(PYTHON, [SCRIPT, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    endWithUs(child)
    let log = ''
    child.stderr.on('data', (text) => (log += text))
    child.once('exit', (code) => {
      if (code !== null) console.error(`the mail server ended: ${log}`)
    })
    const lines = createInterface({ input: child.stdout })
    const [first] = (await once(lines, 'line')) as [string]
    this.port = (JSON.parse(first) as { port: number }).port
    lines.on('line', (line) => {
      const mail = JSON.parse(line) as Mail
      this.mails.push({ ...mail, content: Buffer.from(mail.content, 'base64').toString('latin1') })
    })
  }

  /** Once there are so many. */
  async received(count: number): Promise<readonly Mail[]> {
    for (const until = Date.now() + 30_000; this.mails.length < count; await sleep(10)) {
      if (Date.now() > until) throw new Error(`${this.mails.length} of ${count} mails came`)
    }
    return this.mails
  }

  async close(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child && child.exitCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
