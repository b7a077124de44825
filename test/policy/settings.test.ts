import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { KINDS } from '../../src/indicators/indicator.js'
import { legacyPolicySettings, policySettings } from '../../src/policy/settings.js'

describe('policySettings', () => {
  it('has the defaults of the design', () => {
    const settings = policySettings.parse({})
    expect(settings).toMatchObject({
      allow: [],
      own: [],
      max_tlp: 'amber',
      untagged_as: 'amber',
      validity: true,
      kinds: [],
      lists: {},
      misp_lists: false,
      shipped_lists: true,
      widest_net: { v4: 16, v6: 32 },
    })
    expect(settings.max_age).toMatchObject({
      ip: '1y',
      net: '1y',
      'ip-port': '1y',
      domain: '2y',
      hostname: '2y',
      url: '2y',
      md5: 'never',
      sha256: 'never',
    })
    expect(Object.keys(settings.max_age)).toEqual([...KINDS])
  })

  it('keeps the other ages where one is given', () => {
    const { max_age } = policySettings.parse({ max_age: { ip: '30d', md5: '1y' } })
    expect(max_age).toMatchObject({ ip: '30d', md5: '1y', domain: '2y' })
  })

  it('keeps the other width where one is given', () => {
    expect(policySettings.parse({ widest_net: { v4: 20 } }).widest_net).toEqual({ v4: 20, v6: 32 })
  })

  it.each([
    ['max_age.ips', { max_age: { ips: '30d' } }],
    ['max_age.ip', { max_age: { ip: '30 days' } }],
    ['max_tlp', { max_tlp: 'orange' }],
    ['kinds.0', { kinds: ['ip'] }],
    ['own.0', { own: ['not a host'] }],
    ['own.0', { own: ['192.0.2.0/33'] }],
    ['lists.x', { lists: { x: 'ignore' } }],
    ['widest_net.v4', { widest_net: { v4: 33 } }],
    ['allow.0', { allow: [' '] }],
    ['tlp', { tlp: 'red' }],
  ])('refuses a wrong %s', (key, input) => {
    const parsed = policySettings.safeParse(input)
    const named = parsed.error?.issues.map(({ path, ...issue }) =>
      [...path, ...('keys' in issue ? issue.keys : [])].join('.'),
    )
    expect(named).toEqual([key])
  })

  it.each([
    '192.0.2.0/24',
    '2001:db8::/32',
    '192.0.2.1',
    'example.org',
    '*.example.org',
    '@example.org',
    'bücher.example',
    'intranet',
  ])('takes %s for one of ours', (own) =>
    expect(policySettings.safeParse({ own: [own] }).success).toBe(true),
  )

  it('describes every setting, for the reference', () => {
    const schema = z.toJSONSchema(policySettings, { io: 'input' })
    const bare = Object.entries(schema.properties ?? {}).filter(
      ([, property]) => typeof property !== 'object' || !property.description,
    )
    expect(bare).toEqual([])
  })
})

it('legacy settings switch off what the old tools did not know', () => {
  expect(legacyPolicySettings).toMatchObject({
    max_tlp: 'red',
    validity: false,
    shipped_lists: true,
  })
  expect(new Set(Object.values(legacyPolicySettings.max_age))).toEqual(new Set(['never']))
})
