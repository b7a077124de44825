/** `npm run bench -- NAME`: builds and runs one measurement; without a name it lists them. */
import { join } from 'node:path'
import { runNode } from './children.mjs'
import { freshDev, installPackages, ROOT, requireNode, runScript, tell } from './ready.mjs'

const BENCHES = {
  sync: 'a whole sync from the stand-in MISP to memcached, against merely fetching the same pages',
  redis: 'filling a Redis, against a bare socket and ioredis with the same SETs',
  logstash: 'the script in Logstash, against one memcached filter a field',
  memcached: 'filling and repairing memcached, on one server and three, against a bare socket',
  enrich: 'log lines through the matcher, against merely parsing them as JSON',
  flows: 'live matching and import of flows, against plain inserts, misp2ch and nfdump, in turns',
  soak: 'a night in ten minutes: everything fails, and at the end every sink is right',
  backscan: 'flows of 30 days against new indicators, against misp2ch in turns',
  api: 'GET /v1/lookup under load, against an empty route of hono',
  ledger: 'staging, judging, applying and reading in the ledger alone',
}

await runScript(() => {
  const [name, ...args] = process.argv.slice(2)
  if (!Object.hasOwn(BENCHES, name ?? '')) return list(name)
  requireNode()
  installPackages()
  freshDev()
  const bench = join(ROOT, `.build/bench/${name}.js`)
  return runNode([bench, ...args])
})

function list(name) {
  if (name !== undefined) tell(`There is no bench named ${name}.`)
  tell('Usage: npm run bench -- NAME [ARGUMENTS]')
  for (const [known, what] of Object.entries(BENCHES)) tell(`  ${known.padEnd(12)}${what}`)
  return 2
}
