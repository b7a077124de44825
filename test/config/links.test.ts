import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findLinks, linksOf } from '../../src/config/links.js'
import { parseConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'tipline-links-'))
const file = join(folder, 'tipline.yml')
const KEY = `$${'{MISP_KEY}'}`
const HOST = `$${'{MISP_HOST}'}`

afterAll(() => rmSync(folder, { recursive: true }))

function found(text: string, env: Record<string, string> = {}) {
  writeFileSync(file, text)
  return findLinks(file, env)
}

const example = (name: string) =>
  readFileSync(new URL(`../../examples/${name}`, import.meta.url), 'utf8')

const MAIN = `sources:\n  - { name: main, url: "https://misp.example", key: "${KEY}" }\n`

describe('links to events', () => {
  it.each([
    ['the address of a MISP', MAIN],
    ['its address for people', MAIN.replace('key:', 'link: "https://look.example/misp", key:')],
    ['no feeds', `${MAIN}  - { name: feed, type: feed, url: "https://feed.example/" }\n`],
    ['what the environment says', MAIN.replace('https://misp.example', `https://${HOST}`)],
    ['an example', example('tipline.yml')],
  ])('are found as loadConfig has them: %s', async (_, text) => {
    const env = { MISP_HOST: 'misp.example', MISP_KEY: 'k', HOME: folder }
    const { sources } = await parseConfig(text, { file, env })
    expect(linksOf(sources)).not.toEqual({})
    expect(await found(text, env)).toEqual(linksOf(sources))
  })

  it('tell nobody the user and password that a URL holds', async () => {
    const url = 'https://user:s3cret@misp.example:8443/misp/?key=s3cret#s3cret'
    const text = MAIN.replace('https://misp.example', url)
    const { sources } = await parseConfig(text, { file, env: { MISP_KEY: 'k' } })
    const links = { main: 'https://misp.example:8443/misp' }
    expect([linksOf(sources), await found(text)]).toEqual([links, links])
  })

  it('need no key of a MISP', async () => {
    expect(await found(MAIN)).toEqual({ main: 'https://misp.example' })
  })

  it.each([
    ['is no YAML', 'sources: ['],
    ['is mistyped', MAIN.replace('url', 'ulr')],
    ['has a source of no known type', MAIN.replace('key:', 'type: mips, key:')],
    ['has an address that is none', MAIN.replace('https://', 'javascript:')],
    ['has a variable that is not set', MAIN.replace('misp.example', HOST)],
    ['has no list of sources', 'sources: main'],
    ['is of MISP2memcached', example('misp2memcached-config.yml')],
    ['is of misp2ch', '[misp]\nmisp_fqdn = misp.example\n'],
  ])('are left to the whole config where it %s', async (_, text) => {
    expect(await found(text)).toBeUndefined()
  })

  it('are told to be missing where there is no config', async () => {
    await expect(findLinks(join(folder, 'none.yml'), {})).rejects.toThrow(ConfigError)
  })
})
