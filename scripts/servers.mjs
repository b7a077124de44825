/**
 * The real programs that tests run against. As root on Debian or Ubuntu they are installed; elsewhere
 * it is said which are missing: their tests are skipped then, but fail under CI=true.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, tell } from './ready.mjs'

const LOG = join(ROOT, '.build/servers.log')

/** Debian's package, and a command that succeeds where it is installed. */
const NEEDED = [
  // For script, which makes a terminal.
  { name: 'bsdutils', probe: ['script', '--version'] },
  { name: 'chromium', probe: ['chromium', '--version'] },
  // A library that is preloaded: it has no command.
  { name: 'libfaketime', probe: ['sh', '-c', 'ls /usr/lib/*/faketime/libfaketimeMT.so.1'] },
  { name: 'memcached', probe: ['memcached', '-V'] },
  // It knows no --version.
  { name: 'clickhouse-server', probe: ['sh', '-c', 'command -v clickhouse-server'] },
  { name: 'nfdump', probe: ['nfdump', '-V'] },
  { name: 'openssl', probe: ['openssl', 'version'] },
  { name: 'python3-aiosmtpd', probe: ['/usr/bin/python3', '-c', 'import aiosmtpd'] },
  { name: 'redis-server', probe: ['redis-server', '--version'] },
  { name: 'jruby', probe: ['sh', '-c', 'command -v jruby'] },
  // A library of jar files.
  { name: 'libhttpclient-java', probe: ['ls', '/usr/share/java/httpclient.jar'] },
  { name: 'ruby', probe: ['ruby', '-v'] },
  { name: 'ruby-redis', probe: ['ruby', '-e', 'require "redis"'] },
  { name: 'sasl2-bin', probe: ['saslpasswd2', '-v'] },
  // For systemd-notify and systemd-analyze; nothing is run by it.
  { name: 'systemd', probe: ['systemd-notify', '--version'] },
  { name: 'syslog-ng-core', probe: ['syslog-ng', '--version'] },
  { name: 'ruby-dalli', probe: ['ruby', '-e', 'require "dalli"'] },
]

/** @returns whether every server is there. */
export function installServers() {
  const missing = missingServers()
  if (missing.length === 0) return true
  if (process.getuid?.() === 0 && succeeds(['apt-get', '--version'])) installByApt(missing)
  const still = missingServers()
  if (still.length === 0) return true
  const consequence = process.env.CI === 'true' ? 'fail (CI=true)' : 'are skipped'
  tell(`Missing: ${still.join(' ')} (Debian packages). Tests that need them ${consequence}.`)
  return false
}

function missingServers() {
  return NEEDED.filter(({ probe }) => !succeeds(probe)).map(({ name }) => name)
}

function succeeds([command, ...args]) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function installByApt(packages) {
  tell(`Installing ${packages.join(' ')} (apt-get) ...`)
  mkdirSync(join(ROOT, '.build'), { recursive: true })
  writeFileSync(LOG, '')
  const install = ['install', '--yes', '--no-install-recommends', ...packages]
  // The package lists of a fresh machine are empty or old; most machines don't need them again.
  const done = aptGet(install) || (aptGet(['update']) && aptGet(install))
  if (!done) tell(`apt-get failed:\n${readFileSync(LOG, 'utf8')}`)
}

function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' })
  appendFileSync(LOG, `$ apt-get ${args.join(' ')}\n${stdout}${stderr}\n`)
  return status === 0
}
