import { describe, expect, it } from 'vitest'
import { fullConfig } from '../../src/config/example.js'
import { loadConfig, parseConfig } from '../../src/config/load.js'
import { configJsonSchema } from '../../src/config/schema.js'
import { configSection, type Section } from '../../src/config/settings.js'
import { SINKS } from '../../src/sinks/registry.js'

const env = { MISP_KEY: 'a-key-of-nobody' }

function all(section: Section): Section[] {
  return [section, ...section.settings.flatMap(({ sections }) => sections.flatMap(all))]
}

describe('the reference', () => {
  it('has a description of every key', () => {
    const bare = all(configSection()).flatMap(({ name, settings }) =>
      settings.filter(({ about }) => about === '').map(({ key }) => `${name}.${key}`),
    )
    expect(bare).toEqual([])
  })

  it('knows the settings of all parts', () => {
    const names = all(configSection()).map(({ name, option }) => [name, option].join(' ').trim())
    expect(names).toEqual(
      expect.arrayContaining([
        'sources[] misp',
        'sources[] feed',
        'sinks.memcached',
        'policy',
        'guard',
        'log',
      ]),
    )
  })
})

describe('the examples', () => {
  it('load', async () => {
    const smallest = await loadConfig('examples/tipline.yml', env)
    expect(smallest.sources).toMatchObject([{ name: 'main', type: 'misp', key: env.MISP_KEY }])
    expect(smallest.sinks.memcached).toMatchObject({ value: 'ids' })
  })

  it('of every setting change none of them', async () => {
    const full = await loadConfig('examples/tipline-full.yml', env)
    const sources = `[{ name: main, url: "https://misp.example.org", key: "\${MISP_KEY}", sightings: {} },
      { name: osint, type: feed, path: ./feed }]`
    const sinks = Object.keys(SINKS).map((name) => `${name}: {}`)
    const bare = await parseConfig(`sources: ${sources}\nsinks: { ${sinks.join(', ')} }\n`, {
      file: 'examples/tipline-full.yml',
      env,
    })
    expect(full).toEqual(bare)
  })

  it('of every setting name every setting', async () => {
    const text = fullConfig()
    for (const { settings } of all(configSection())) {
      for (const { key } of settings) expect(text).toMatch(new RegExp(`^[ #-]*${key}:`, 'm'))
    }
  })
})

describe('the JSON Schema', () => {
  it('is strict and names what is required', () => {
    expect(configJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: ['sources'],
      additionalProperties: false,
    })
  })
})
