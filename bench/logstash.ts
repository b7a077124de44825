/**
 * `npm run bench -- logstash [--quick]`: events a second through the script of `tipline logstash`, one
 * round trip each, beside one memcached filter a field and the old script; at one thread and at eight.
 * TIPLINE_RUBY names another Ruby, e.g. `jruby -I /path/of/dalli/lib`: Logstash runs on JRuby.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeyState } from '../src/sinks/sink.js'
import { fill } from '../test/logstash/fill.js'
import { written } from '../test/logstash/ruby.js'
import { Memcached } from '../test/servers/memcached.js'
import { carrier } from '../test/sinks/states.js'
import { median, ROOT } from './process.js'

interface Rate {
  readonly rate: number
  readonly hits: number
}

interface Measured {
  readonly ruby: string
  readonly results: readonly { threads: number; rounds: readonly { seed: Rate; tipline: Rate }[] }[]
}

const isQuick = process.argv.includes('--quick')
const KEYS = isQuick ? 20_000 : 200_000
const EVENTS = isQuick ? 1_000 : 5_000
const ROUNDS = isQuick ? 3 : 5
/** One event in so many holds an indicator. */
const HIT_EVERY = 100

const memcached = await Memcached.start(['-m', '512'])
const folder = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
try {
  await fill(memcached.address, { states: states(), settings: { value: 'ids' } })
  const files = await written({ servers: [memcached.address], value: 'ids' }, folder)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'events.json'), JSON.stringify(events()))
  const { ruby, results } = measure()
  const told = results.map(({ threads, rounds }) => {
    const seed = median(rounds.map((round) => round.seed.rate))
    const tipline = median(rounds.map((round) => round.tipline.rate))
    const ratios = rounds.map((round) => round.tipline.rate / round.seed.rate)
    const hits = { seed: rounds[0]?.seed.hits, tipline: rounds[0]?.tipline.hits }
    return {
      threads,
      seed,
      tipline,
      ratio: rounded(tipline / seed),
      ratios: ratios.map(rounded),
      hits,
    }
  })
  const document = {
    bench: 'logstash',
    ruby,
    keys: KEYS,
    events: EVENTS,
    rounds: ROUNDS,
    fields: 6,
    results: told,
  }
  console.log(JSON.stringify(document, undefined, 2))
} finally {
  await memcached.stop()
  rmSync(folder, { recursive: true })
}

function measure(): Measured {
  const [command = 'ruby', ...args] = (process.env.TIPLINE_RUBY ?? 'ruby').split(' ')
  const script = join(ROOT, 'bench/logstash.rb')
  const given = [folder, memcached.address, String(EVENTS), String(ROUNDS)]
  const ran = spawnSync(command, [...args, script, ...given], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  const line = ran.stdout?.split('\n').find((each) => each.startsWith('{"ruby"'))
  if (ran.status !== 0 || line === undefined) throw new Error(`Ruby failed: ${ran.stderr}`)
  return JSON.parse(line) as Measured
}

function states(): KeyState[] {
  return Array.from({ length: KEYS }, (_, n) => ({
    ...indicator(n),
    carriers: [carrier({ eventId: String(n >> 6), type: indicator(n).type })],
  }))
}

/** Addresses, names, URLs, hashes and a few nets. */
function indicator(n: number): { space: string; value: string; type: string } {
  const kind = n % 4
  if (n % 2000 === 0)
    return { space: 'net', value: `203.${(n / 2000) & 255}.113.0/24`, type: 'ip-dst' }
  if (kind === 0)
    return { space: 'ip', value: `198.${n >>> 16}.${(n >>> 8) & 255}.${n & 255}`, type: 'ip-dst' }
  if (kind === 1) return { space: 'domain', value: `n${n}.example.com`, type: 'domain' }
  if (kind === 2) return { space: 'url', value: `http://www.example.net/${n}`, type: 'url' }
  return { space: 'sha256', value: n.toString(16).padStart(64, 'a'), type: 'sha256' }
}

/** As a proxy with DNS and files would log them; one in HIT_EVERY meets an address and a name. */
function events(): object[] {
  return Array.from({ length: EVENTS }, (_, n) => {
    const isHit = n % HIT_EVERY === 0
    const host = isHit ? `n${((n * 4) % KEYS) + 1}.example.com` : `www${n}.example.org`
    return {
      message: 'GET / HTTP/1.1',
      source: { ip: `192.0.2.${n % 256}`, port: 40_000 },
      destination: {
        ip: isHit ? `198.0.0.${((n * 4) % 252) + 4}` : `203.0.${n % 200}.${n % 256}`,
        port: 443,
      },
      dns: { question: { name: host } },
      url: { domain: host, full: `http://${host}/path/${n}?q=1` },
      file: { hash: { sha256: n.toString(16).padStart(64, 'b') } },
    }
  })
}

function rounded(ratio: number): number {
  return Math.round(ratio * 100) / 100
}
