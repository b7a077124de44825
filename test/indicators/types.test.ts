import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { KINDS } from '../../src/indicators/indicator.js'
import { NORMALISERS } from '../../src/indicators/normalisers.js'
import {
  LEGACY_SPACES,
  MATCHABLE_TYPES,
  OPT_IN_KINDS,
  TYPE_TABLE,
  typeEntry,
} from '../../src/indicators/types.js'

const mispTypes: string[] = JSON.parse(
  readFileSync(new URL('../fixtures/misp-types.json', import.meta.url), 'utf8'),
)
const matchable = TYPE_TABLE.filter((entry) => entry.matchable)

describe('the type table', () => {
  it('holds each of the 191 types of a real MISP once, and none besides', () => {
    expect(mispTypes).toHaveLength(191)
    expect(TYPE_TABLE.map(({ type }) => type).sort()).toEqual([...mispTypes].sort())
  })

  it('gives a reason for every type that is not matched', () => {
    const unmatched = TYPE_TABLE.filter((entry) => !entry.matchable)
    expect(unmatched.filter(({ reason }) => reason.length < 10)).toEqual([])
  })

  it('lists as matchable what it can match', () => {
    expect(MATCHABLE_TYPES).toEqual(matchable.map(({ type }) => type))
    expect(MATCHABLE_TYPES).toContain('ip-dst|port')
    expect(MATCHABLE_TYPES).not.toContain('yara')
  })

  it('names only known kinds and normalisers', () => {
    const halves = matchable.flatMap((entry) => entry.halves)
    expect(halves.filter(({ space }) => !(KINDS as readonly string[]).includes(space))).toEqual([])
    expect(halves.filter(({ normaliser }) => !(normaliser in NORMALISERS))).toEqual([])
    expect(matchable.filter((entry) => entry.halves.length === 0)).toEqual([])
  })

  it('has a type for every kind', () => {
    const spaces = new Set(matchable.flatMap((entry) => entry.halves.map(({ space }) => space)))
    const made = ['net', 'ip-port']
    expect(KINDS.filter((kind) => !spaces.has(kind) && !made.includes(kind))).toEqual([])
  })

  it('uses every normaliser', () => {
    const used = new Set(matchable.flatMap((entry) => entry.halves.map((half) => half.normaliser)))
    expect(Object.keys(NORMALISERS).filter((name) => !used.has(name as never))).toEqual([])
  })

  it('lets senders meet senders only, and recipients recipients', () => {
    expect(ecs('email-src')).toEqual(['email.from.address', 'email.sender.address'])
    expect(ecs('email-dst')).toEqual(['email.to.address', 'email.cc.address', 'email.bcc.address'])
  })

  it.each(['ip-src', 'ip-dst', 'ip-src|port', 'ip-dst|port'])('lets %s meet both ends', (type) => {
    expect(ecs(type)).toEqual(expect.arrayContaining(['source.ip', 'destination.ip']))
  })

  it('marks as opt-in exactly the types whose kind is', () => {
    expect(matchable.filter(({ optIn }) => optIn).map(({ type }) => type)).toEqual([
      'email-attachment',
      'ja3-fingerprint-md5',
      'filename',
      'user-agent',
      'mutex',
      'named pipe',
      'regkey',
      'regkey|value',
    ])
    expect(OPT_IN_KINDS).toHaveLength(6)
  })

  it('knows the eight namespaces of MISP2memcached', () => {
    const spaces = matchable.flatMap((entry) => entry.halves.map(({ space }) => space))
    expect(LEGACY_SPACES).toHaveLength(8)
    expect(LEGACY_SPACES.filter((space) => !spaces.includes(space))).toEqual([])
  })

  it('answers undefined for a type of a newer MISP', () => {
    expect(typeEntry('quantum-hash')).toBeUndefined()
    expect(typeEntry('__proto__')).toBeUndefined()
  })
})

function ecs(type: string): readonly string[] {
  const entry = typeEntry(type)
  return entry?.matchable ? entry.ecs : []
}
