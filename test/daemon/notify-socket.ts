/** What systemd does for a service of Type=notify: a socket that receives datagrams. In Perl, since Node has none. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { until } from '../cli/site.js'

/** Each datagram as a line of JSON-like text: backslash and line break escaped. */
const RECEIVER = `
use IO::Socket::UNIX; use Socket; $| = 1;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die "no socket: $!";
while (defined recv($socket, my $text, 65536, 0)) { $text =~ s/\\\\/\\\\\\\\/g; $text =~ s/\\n/\\\\n/g; print "$text\\n" }
`

export function hasSystemdNotify(): boolean {
  if (spawnSync('systemd-notify', ['--version']).status === 0) return true
  const message = 'systemd-notify is missing (apt-get install systemd)'
  if (process.env.CI === 'true') throw new Error(message)
  console.warn(`skipped: ${message}`)
  return false
}

export class NotifySocket {
  readonly messages: string[] = []
  readonly #child: ChildProcess

  static async listen(path: string): Promise<NotifySocket> {
    const socket = new NotifySocket(path)
    await until(() => existsSync(path))
    return socket
  }

  private constructor(readonly path: string) {
    this.#child = spawn('perl', ['-e', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    let rest = ''
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      this.messages.push(...lines.map((line) => line.replaceAll('\\n', '\n')))
    })
  }

  has(text: string): boolean {
    return this.messages.some((message) => message.includes(text))
  }

  close(): void {
    this.#child.kill()
  }
}
