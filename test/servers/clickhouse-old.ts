/** Debian's ClickHouse 18.16: too old for us, but a real server on the wire. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithUs, freePort, hasProgram } from './program.js'

const PROGRAM = 'clickhouse-server'
const PATIENCE_MS = 30_000

export function hasOldClickHouse(): boolean {
  // It knows no --version.
  const asked = ['-c', `command -v ${PROGRAM}`]
  return hasProgram('sh', asked, `${PROGRAM}: apt-get install clickhouse-server`)
}

export class OldClickHouse {
  readonly port: number
  readonly #folder: string
  #child: ChildProcess | null = null

  /** With a user `tipline` of this password, and no other. */
  static async start(password: string): Promise<OldClickHouse> {
    const [port, tcp] = [await freePort(), await freePort()]
    const folder = mkdtempSync(join(tmpdir(), 'tipline-clickhouse-'))
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'users.xml'), users(password))
    writeFileSync(join(folder, 'config.xml'), config({ folder, port, tcp }))
    const server = new OldClickHouse(folder, port)
    await server.restart()
    return server
  }

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.port = port
  }

  async restart(): Promise<void> {
    await this.kill()
    const args = [`--config-file=${join(this.#folder, 'config.xml')}`]
    const child = spawn(PROGRAM, args, { stdio: 'ignore', cwd: this.#folder })
    this.#child = child
    endWithUs(child)
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50)) {
      if (await this.#answers()) return
      if (child.exitCode !== null) break
    }
    throw new Error('clickhouse-server does not start')
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** It keeps its connections and says nothing any more. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.port}/ping`)).ok
    } catch {
      return false
    }
  }
}

function config({ folder, port, tcp }: { folder: string; port: number; tcp: number }): string {
  return `<yandex>
  <logger><level>error</level><log>${folder}/log</log><errorlog>${folder}/errors</errorlog></logger>
  <http_port>${port}</http_port><tcp_port>${tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
  <path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path>
  <users_config>${folder}/users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size>
</yandex>`
}

function users(password: string): string {
  return `<yandex>
  <profiles><default></default></profiles><quotas><default></default></quotas>
  <users><tipline><password>${password}</password><networks><ip>::/0</ip></networks>
    <profile>default</profile><quota>default</quota></tipline></users>
</yandex>`
}
