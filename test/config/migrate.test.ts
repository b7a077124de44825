import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type LoadedConfig, loadConfig, parseConfig } from '../../src/config/load.js'
import { migrateConfig } from '../../src/config/migrate.js'
import { MISP } from './told.js'

/** What the config means, without where it was read from. */
function meaning({ file: _f, format: _o, warnings: _w, notes: _n, ...rest }: LoadedConfig) {
  return rest
}

async function again(loaded: LoadedConfig, env: Record<string, string>) {
  const file = loaded.file.replace(/[^/]*$/, 'migrated.yml')
  return parseConfig(migrateConfig(loaded), { file, env })
}

const LEGACY = 'examples/misp2memcached-config.yml'

describe('migrating', () => {
  it("keeps the meaning of MISP2memcached's config, its data folder included", async () => {
    const loaded = await loadConfig(LEGACY, {})
    const migrated = await again(loaded, { MISP_KEY: loaded.secrets[0]! })
    expect(migrated.format).toBe('tipline')
    expect(meaning(migrated)).toEqual(meaning(loaded))
  })

  it('keeps it where every setting differs from the default', async () => {
    const text = (await readFile(LEGACY, 'utf8'))
      .replace('errors: false', 'errors: yes')
      .replace('expires: 0', 'expires: 7200')
      .replace('host: 127.0.0.1', 'host: memcached.example.org')
      .replace('web:\n  enabled: true', 'web:\n  enabled: off')
    const loaded = await parseConfig(text, { file: 'etc/config.yml', env: {} })
    const migrated = await again(loaded, { MISP_KEY: loaded.secrets[0]! })
    expect(meaning(migrated)).toEqual(meaning(loaded))
    expect(migrateConfig(loaded)).toContain(
      '# Note: each group expires by its own setting; MISP2memcached took that of hash for all.',
    )
  })

  it('leaves out the defaults and says what is to be set', async () => {
    const text = migrateConfig(await loadConfig(LEGACY, {}))
    expect(text).toMatch(/^# Made by `tipline config migrate` from misp2memcached-config\.yml/)
    expect(text).toContain('#   MISP_KEY=...')
    expect(text).toContain(`    key: \${MISP_KEY}`)
    expect(text).not.toContain('guard')
    expect(text).not.toContain('page_size')
  })

  it("rewrites tipline's own form too, with a variable for each secret", async () => {
    const text = `data_dir: /var/lib/tipline
sources:
  - { name: one, url: "https://misp.example.org", key: first-key }
  - { name: 2nd, url: "https://user:first-pw@misp.example.net", key: second-key }
  - { name: f, type: feed, url: "https://feed.example.org/?apikey=third", headers: { X-Key: fourth } }
  - { name: g, type: feed, path: feeds/g }
policy: { own: ["192.0.2.0/24"], allow: ["$\${x}.example"], lists_folder: lists }
sinks: { memcached: {} }
`
    const loaded = await parseConfig(text, { file: 'etc/config.yml', env: {} })
    const written = migrateConfig(loaded)
    const env = {
      ONE_KEY: 'first-key',
      _2ND_KEY: 'second-key',
      _2ND_URL_PASSWORD: 'first-pw',
      F_URL_PASSWORD: 'third',
      F_HEADERS_X_KEY: 'fourth',
    }
    for (const [name, secret] of Object.entries(env)) {
      expect(written).toContain(`\${${name}}`)
      expect(written).not.toContain(secret)
    }
    expect(written).toContain('path: ./feeds/g')
    expect(meaning(await again(loaded, env))).toEqual(meaning(loaded))
  })

  it('is stable: migrating what was migrated changes nothing but the heading', async () => {
    const loaded = await parseConfig(MISP, { file: 'tipline.yml', env: {} })
    const once = migrateConfig(loaded)
    const env = { MAIN_KEY: 'a-key-of-nobody' }
    expect(migrateConfig(await parseConfig(once, { file: 'tipline.yml', env }))).toBe(once)
  })
})
