import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { formatConfigError } from '../../src/config/format.js'
import { parseConfig } from '../../src/config/load.js'
import { checkReferred } from '../../src/config/referred.js'
import { ConfigError } from '../../src/errors.js'
import { MISP } from './told.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-referred-'))
  writeFileSync(join(folder, 'text.pem'), 'no certificate')
  mkdirSync(join(folder, 'feed'))
  mkdirSync(join(folder, 'flows'))
})

afterAll(() => rmSync(folder, { recursive: true }))

async function missing(text: string): Promise<string[]> {
  const config = await parseConfig(text, { file: join(folder, 'tipline.yml'), env: {} })
  try {
    checkReferred(config)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return formatConfigError(error).replaceAll(`${folder}/`, '').split('\n')
  }
}

it('finds every file and folder that is not there, or of no use', async () => {
  const config = `${MISP}    ca_file: none.pem
  - { name: osint, type: feed, path: feed }
sinks:
  clickhouse: { url: "https://ch.example.org:8443", ca_file: feed }
  redis: { url: "rediss://r.example.org", client_pem_file: text.pem }
  memcached: { tls: { ca_file: text.pem } }
flows: { watch: [{ folder: flows }, { folder: none }] }
alerts: [{ name: a, type: webhook, url: "https://a.example.org/x", ca_file: none.pem }]
http: { tls: { cert_file: none.crt, privkey_file: text.pem } }
`
  expect(await missing(config)).toEqual([
    'tipline.yml: sources.0.ca_file: none.pem does not exist',
    'tipline.yml: sinks.clickhouse.ca_file: feed can not be read (EISDIR)',
    'tipline.yml: sinks.memcached.tls.ca_file: The CA holds no certificate in PEM form, or a broken one; ca_file must name a file with blocks that begin with -----BEGIN CERTIFICATE-----',
    'tipline.yml: sinks.redis.client_pem_file: The client certificate can not be used; client_pem_file must hold the certificate and its private key without a password, both in PEM form',
    'tipline.yml: http.tls.cert_file: none.crt does not exist',
    'tipline.yml: alerts.0.ca_file: none.pem does not exist',
    'tipline.yml: sources.1.path: feed/manifest.json does not exist',
    'tipline.yml: flows.watch.1.folder: none does not exist',
  ])
})

it('has nothing to say where all is there', async () => {
  writeFileSync(join(folder, 'feed/manifest.json'), '{}')
  chmodSync(join(folder, 'feed/manifest.json'), 0o600)
  const config = `sources: [{ name: osint, type: feed, path: feed }]\nsinks: { clickhouse: {} }\nflows: { watch: [{ folder: flows }] }\n`
  expect(await missing(config)).toEqual([])
})
