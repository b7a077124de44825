import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isRefusal,
  MAX_VALUE_BYTES,
  parseAttribute,
  parseEventMeta,
  parseIndexRow,
} from '../../src/misp/rows.js'
import { fuzz } from '../fuzz.js'

const BODIES = JSON.parse(
  readFileSync(new URL('../fixtures/misp-client/bodies.json', import.meta.url), 'utf8'),
) as Record<string, string>

function attributes(name: string): unknown[] {
  return JSON.parse(BODIES[name] ?? '').response.Attribute
}

const GOOD = attributes('inc_all')[0] as Record<string, unknown>

describe('an attribute as recorded', () => {
  it('with context and the tags of its event', () => {
    expect(parseAttribute(GOOD)).toEqual({
      uuid: '9c529c4f-2b54-4ba9-b6d6-8ac33669c6f8',
      id: '1',
      eventId: '1',
      eventUuid: '0b3c131a-a48f-4240-ab77-dbc03c7d5464',
      eventInfo: expect.stringContaining('Événement Ünïcode 日本語 "double"'),
      type: 'md5',
      value: '86af938f85895f7eed698da2d2fa9f1e',
      toIds: true,
      deleted: false,
      timestamp: 1795291164,
      publishTimestamp: 1795291165,
      firstSeen: null,
      lastSeen: null,
      tags: ['tlp:amber', 'kill-chain:Delivery'],
      eventTags: expect.arrayContaining(['misp-galaxy:threat-actor="APT28"']),
      comment: 'plain md5',
      objectRelation: null,
    })
  })

  it('with the tags of its event among its own', () => {
    const [row] = attributes('inc_includeEventTags').map((raw) => parseAttribute(raw))
    expect(row).toMatchObject({
      tags: ['tlp:amber', 'kill-chain:Delivery'],
      eventTags: ['tlp:amber', 'misp-galaxy:threat-actor="APT28"', 'say "hi", it\'s é'],
    })
  })

  it('with first and last seen', () => {
    const [row] = attributes('f_first_seen').map((raw) => parseAttribute(raw))
    expect(row).toMatchObject({
      firstSeen: Date.parse('2024-01-02T01:04:05Z') / 1000,
      lastSeen: Date.parse('2024-02-03T04:05:06Z') / 1000,
    })
  })

  it('of an object, with its relation', () => {
    const rows = attributes('obj_attrs').map((raw) => parseAttribute(raw))
    expect(rows.map((row) => 'objectRelation' in row && row.objectRelation)).toContain('sha256')
    expect(rows.some(isRefusal)).toBe(false)
  })

  it('softly deleted, as it was and sanitised', () => {
    const [kept] = attributes('deleted_attr_shape').map((raw) => parseAttribute(raw))
    expect(kept).toMatchObject({ deleted: true, toIds: true, value: '198.51.100.204' })
    const rows = attributes('deleted_attr_shape_sanitised').map((raw) => parseAttribute(raw))
    const gone = { deleted: true, toIds: false, type: 'comment', value: 'deleted' }
    expect(rows).toContainEqual(expect.objectContaining(gone))
  })
})

describe('what other versions and feeds write', () => {
  it.each([
    ['numbers for ids and times', { id: 7, timestamp: 1795291164 }, { id: '7' }],
    ['flags as numbers', { to_ids: 1, deleted: 0 }, { toIds: true, deleted: false }],
    ['flags as text', { to_ids: '0', deleted: '1' }, { toIds: false, deleted: true }],
    ['a UUID in capitals', { uuid: String(GOOD.uuid).toUpperCase() }, { uuid: GOOD.uuid }],
    ['no comment and no tags', { comment: null, Tag: undefined }, { comment: '', tags: [] }],
    ['a moment that is none', { first_seen: 'banana' }, { firstSeen: null }],
    [
      'a moment without a zone, which MISP takes for UTC',
      { first_seen: '2024-01-02T01:04:05', last_seen: '2024-01-02 01:04:05' },
      { firstSeen: 1704157445, lastSeen: 1704157445 },
    ],
    ['tags that are none', { Tag: [null, 1, {}, { name: '' }, { name: 'a' }] }, { tags: ['a'] }],
    ['nothing of deleted', { deleted: undefined }, { deleted: false }],
  ])('%s', (_, change, expected) => {
    expect(parseAttribute({ ...GOOD, ...change })).toMatchObject(expected)
  })
})

describe('a row that can not be read', () => {
  it.each([
    ['not-json', undefined],
    ['not-an-object', null],
    ['not-an-object', []],
    ['not-an-object', 'text'],
    ['uuid', { ...GOOD, uuid: undefined }],
    ['uuid', { ...GOOD, uuid: `../${String(GOOD.uuid).slice(3)}` }],
    ['event', { ...GOOD, event_id: undefined }],
    ['event', { ...GOOD, event_id: 'x' }],
    ['event', { ...GOOD, Event: null, event_uuid: undefined }],
    ['type', { ...GOOD, type: 5 }],
    ['type', { ...GOOD, type: '' }],
    ['value', { ...GOOD, value: null }],
    ['value', { ...GOOD, value: 5 }],
    ['value', { ...GOOD, value: '' }],
    ['value-too-long', { ...GOOD, value: 'x'.repeat(MAX_VALUE_BYTES + 1) }],
    ['value-too-long', { ...GOOD, value: 'é'.repeat(MAX_VALUE_BYTES / 2 + 1) }],
    ['to_ids', { ...GOOD, to_ids: undefined }],
    ['to_ids', { ...GOOD, to_ids: 'yes' }],
    ['deleted', { ...GOOD, deleted: 'only' }],
    ['timestamp', { ...GOOD, timestamp: '-1' }],
    ['timestamp', { ...GOOD, timestamp: '1.5' }],
  ])('says why: %s', (reason, raw) => {
    expect(parseAttribute(raw)).toMatchObject({ reason })
  })

  it('still says whose it was, where that could be read', () => {
    expect(parseAttribute({ ...GOOD, value: null })).toEqual({
      reason: 'value',
      uuid: GOOD.uuid,
      eventId: '1',
    })
  })

  it('takes the longest value there may be', () => {
    const value = 'x'.repeat(MAX_VALUE_BYTES)
    expect(parseAttribute({ ...GOOD, value })).toMatchObject({ value })
  })
})

describe('the index', () => {
  it('gives rows as recorded', () => {
    const [first] = JSON.parse(BODIES.events_index_minimal_sorted ?? '') as unknown[]
    expect(parseIndexRow(first)).toEqual({
      id: '4',
      uuid: 'd2a3e836-aa50-472b-8338-fc038afd9114',
      timestamp: 1795291392,
      published: false,
      orgcUuid: 'c065be2a-d05a-4834-8f1d-e0112731b983',
    })
  })

  it('tells of events as recorded', () => {
    const [first] = JSON.parse(BODIES.events_index_full ?? '') as unknown[]
    expect(parseEventMeta(first)).toEqual({
      id: '1',
      uuid: '0b3c131a-a48f-4240-ab77-dbc03c7d5464',
      info: expect.stringContaining('Événement'),
      timestamp: 1795291164,
      publishTimestamp: 1795291165,
      published: true,
      date: '2026-11-20',
      orgcName: 'ORGNAME',
      orgcUuid: 'c065be2a-d05a-4834-8f1d-e0112731b983',
      tags: ['tlp:amber', 'misp-galaxy:threat-actor="APT28"', 'say "hi", it\'s é'],
      attributeCount: 55,
      threatLevel: 1,
      analysis: 2,
    })
  })

  it.each([
    ['1', 1],
    [3, 3],
    ['0', 4],
    ['5', 4],
    ['99999999999999999999', 4],
    [null, 4],
    [{}, 4],
  ])('reads the threat level %j as %i', (threat_level_id, level) => {
    const raw = { uuid: GOOD.uuid, timestamp: '1', threat_level_id }
    expect(parseEventMeta(raw)).toMatchObject({ threatLevel: level })
  })

  it.each([
    ['id', { uuid: GOOD.uuid, timestamp: '1', published: true }],
    ['uuid', { id: '1', timestamp: '1', published: true }],
    ['timestamp', { id: '1', uuid: GOOD.uuid, published: true }],
    ['published', { id: '1', uuid: GOOD.uuid, timestamp: '1' }],
  ])('refuses a row for its %s', (reason, raw) => {
    expect(parseIndexRow(raw)).toMatchObject({ reason })
  })
})

describe('any JSON at all', () => {
  it('gives a row or a reason, and never throws', () => {
    const fields = Object.keys(GOOD)
    const damaged = fc
      .dictionary(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 3 }))
      .map((change) => ({ ...GOOD, ...change }))
    const property = fc.property(fc.oneof(fc.jsonValue({ maxDepth: 4 }), damaged), (raw) => {
      const row = parseAttribute(raw)
      if (isRefusal(row)) return
      expect(typeof row.value).toBe('string')
      expect(typeof row.toIds).toBe('boolean')
      expect(Number.isSafeInteger(row.timestamp)).toBe(true)
      expect(row.uuid).toMatch(/^[0-9a-f-]{36}$/)
      expect([...row.tags, ...row.eventTags].every((tag) => typeof tag === 'string')).toBe(true)
    })
    fc.assert(property, fuzz(50_000))
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (raw) => {
        expect(parseIndexRow(raw)).toBeTypeOf('object')
        expect(parseEventMeta(raw)).toBeTypeOf('object')
      }),
      fuzz(20_000),
    )
  })
})
