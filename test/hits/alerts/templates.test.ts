/** The words of alerts are the team's own. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alertsSettings } from '../../../src/hits/alerts/channels/registry.js'
import { fill } from '../../../src/hits/alerts/template.js'
import {
  allTemplates,
  DEFAULT_TEMPLATES,
  DIGEST,
  FLOOD,
  REST,
  SIGHT,
} from '../../../src/hits/alerts/templates.js'
import { wordsOf } from '../../../src/hits/alerts/words.js'
import { fuzz } from '../../fuzz.js'
import { alertOf, eventOf, shown, sightOf } from './facts.js'

const DUTCH = allTemplates.parse({
  subject: '{value} gezien bij {inside}',
  message: '{inside} ({network}) sprak met {value} {backscan}: {events}\n{links}',
  withheld_subject: 'treffer op {events}',
  withheld:
    'een treffer die hier niet verteld mag worden, in {network}, {first} tot {last} {backscan}',
  digest_subject: 'overzicht: {pairs} ({hits} keer)',
  digest: 'Opnieuw gezien: {pairs} ({hits} keer)',
  line: '{count} keer {value}, {inside}',
  rest: 'en nog {more}',
  flood_subject: 'te veel treffers',
  flood: 'meer dan {limit} in een uur via {channel}',
  past: '(in het verleden)',
})

const red = sightOf({ events: [eventOf({ tlp: 'red' })], backscan: true })
const told = (facts: Parameters<typeof alertOf>[0]) => wordsOf(shown(alertOf(facts)), DUTCH)

describe('an alert in words of your own', () => {
  it('is a first sight', () => {
    expect(told({ sights: [sightOf({ backscan: true })] })).toEqual({
      subject: 'webmail-update[.]example gezien bij 192.0.2.40',
      body: `192.0.2.40 (campus) sprak met webmail-update[.]example (in het verleden): Phishing for webmail passwords (5f6c1b7a-0000-4000-8000-000000000001)
https://misp.example.org/events/view/1234`,
    })
  })

  it('is one that may not be told, with nothing that the template could have asked for', () => {
    expect(told({ sights: [red] })).toEqual({
      subject: 'treffer op 5f6c1b7a-0000-4000-8000-000000000001',
      body: 'een treffer die hier niet verteld mag worden, in campus, 2026-11-22T03:59:00Z tot 2026-11-22T03:59:30Z (in het verleden)',
    })
  })

  it('is a digest', () => {
    expect(told({ kind: 'digest', sights: [sightOf({ count: 12 }), red], more: 3 })).toEqual({
      subject: 'overzicht: 5 (13+ keer)',
      body: `Opnieuw gezien: 5 (13+ keer)
12 keer webmail-update[.]example, 192.0.2.40
1 x een treffer die hier niet verteld mag worden, in campus, 2026-11-22T03:59:00Z tot 2026-11-22T03:59:30Z (in het verleden)
en nog 3`,
    })
  })

  it('is that there are too many', () => {
    const { subject, body } = told({ kind: 'flood', sights: [], limit: 60 })
    expect([subject, body]).toEqual(['te veel treffers', 'meer dan 60 in een uur via soc'])
  })
})

describe('a template', () => {
  it('is filled once: what is put in is no template', () => {
    const names = fc.constantFrom('value', 'inside', 'events')
    const foreign = fc.oneof(fc.constant('{inside}'), fc.constant('{value}'), fc.string())
    fc.assert(
      fc.property(fc.array(names), fc.dictionary(names, foreign), (used, values) => {
        const whole = { value: 'v', inside: 'i', events: 'e', ...values }
        const template = used.map((name) => `<{${name}}>`).join('')
        const expected = used.map((name) => `<${whole[name]}>`).join('')
        expect(fill(template, whole)).toBe(expected)
      }),
      fuzz(200),
    )
  })

  it('of no channel may name what that text does not know', () => {
    const channel = (templates: object) =>
      alertsSettings.safeParse([
        { name: 'a', type: 'webhook', url: 'https://a.example/', templates },
      ])
    for (const name of Object.keys(DEFAULT_TEMPLATES)) {
      expect(channel({ [name]: 'without names' }).success, name).toBe(true)
      expect(channel({ [name]: '{nobody}' }).success, name).toBe(false)
      expect(channel({ [name]: '{constructor}' }).success, name).toBe(false)
    }
    for (const name of ['withheld', 'withheld_subject']) {
      for (const secret of ['value', 'inside', 'observable', 'label', 'hit']) {
        expect(channel({ [name]: `{${secret}}` }).success, `${name} ${secret}`).toBe(false)
      }
    }
  })

  it('is explained in the guide, every name of it', () => {
    const guide = readFileSync('docs/guides/alerts.md', 'utf8')
    for (const name of Object.keys({ ...SIGHT, ...DIGEST, ...FLOOD, ...REST })) {
      expect(guide, name).toContain(`\`{${name}}\``)
    }
    for (const name of Object.keys(DEFAULT_TEMPLATES)) expect(guide, name).toContain(`\`${name}\``)
  })
})
