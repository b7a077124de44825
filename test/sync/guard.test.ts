/** The guard as a table: what it is asked, and what it doubts. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type GuardQuestion, guard } from '../../src/sync/guard.js'
import { guardSettings } from '../../src/sync/settings.js'
import { fuzz } from '../fuzz.js'

const DEFAULTS = guardSettings.parse({})
const QUIET: GuardQuestion = {
  first: false,
  live: 1000,
  added: 0,
  absent: 0,
  recent: { most: 1000, absent: 0 },
  identityChanged: false,
  settingsChanged: false,
}

function doubts(of: Partial<GuardQuestion>, settings = DEFAULTS): string[] {
  const { revocations, additions } = guard({ ...QUIET, ...of }, settings)
  return [...(revocations ? ['revocations'] : []), ...(additions ? ['additions'] : [])]
}

describe('the guard', () => {
  const table: [what: string, question: Partial<GuardQuestion>, doubted: string[]][] = [
    ['nothing happens', {}, []],
    ['a fifth vanishes', { absent: 200 }, []],
    ['more than a fifth vanishes', { absent: 201 }, ['revocations']],
    ['all of few vanish', { live: 100, recent: { most: 100, absent: 0 }, absent: 100 }, []],
    [
      'all of a few more vanish',
      { live: 101, recent: { most: 101, absent: 0 }, absent: 101 },
      ['revocations'],
    ],
    [
      'a little vanishes after a lot',
      { absent: 1, recent: { most: 1000, absent: 200 } },
      ['revocations'],
    ],
    ['nothing vanishes after a lot', { recent: { most: 1000, absent: 900 } }, []],
    [
      'what is left of a larger state vanishes',
      { live: 400, absent: 150, recent: { most: 1000, absent: 0 } },
      [],
    ],
    [
      'the state of 24 h ago was smaller',
      { live: 1000, absent: 201, recent: { most: 10, absent: 0 } },
      ['revocations'],
    ],
    ['one vanishes under another role', { absent: 1, identityChanged: true }, ['revocations']],
    ['nothing vanishes under another role', { identityChanged: true }, []],
    ['ten times as many come', { added: 10_000 }, []],
    ['more than ten times as many come', { added: 10_001 }, ['additions']],
    ['a small source grows', { live: 5, added: 1000 }, []],
    ['a small source grows a lot', { live: 5, added: 1001 }, ['additions']],
    [
      'an empty source is filled',
      { live: 0, added: 1_000_000, recent: { most: 0, absent: 0 } },
      [],
    ],
    ['a wider filter brings more', { added: 100_000, settingsChanged: true }, []],
    ['a narrower filter hides more', { absent: 500, settingsChanged: true }, ['revocations']],
    ['all is other', { live: 1000, absent: 1000, added: 20_000 }, ['revocations', 'additions']],
    ['a first pull was broken off', { first: true, live: 5, added: 5000, absent: 5 }, []],
  ]
  for (const [what, question, doubted] of table) {
    it(`${doubted.length > 0 ? `doubts the ${doubted.join(' and the ')}` : 'believes it'} when ${what}`, () => {
      expect(doubts(question)).toEqual(doubted)
    })
  }

  it('says how much, and that some of it was earlier', () => {
    const asked = { ...QUIET, absent: 50, recent: { most: 1000, absent: 200 } }
    expect(guard(asked, DEFAULTS).revocations).toBe(
      '250 of 1000 attributes (25 %) vanished without being deleted (200 of them earlier in the last 24 h)',
    )
    expect(guard({ ...QUIET, absent: 250 }, DEFAULTS).revocations).toBe(
      '250 of 1000 attributes (25 %) vanished without being deleted',
    )
    expect(guard({ ...QUIET, added: 20_000 }, DEFAULTS).additions).toBe(
      '20000 attributes would be added to 1000, more than 10 times as many',
    )
  })

  it('lets itself be set', () => {
    const strict = guardSettings.parse({
      revoke_percent: 0,
      revoke_min: 0,
      growth_min: 0,
      growth_factor: 1,
    })
    expect(doubts({ absent: 1 }, strict)).toEqual(['revocations'])
    expect(doubts({ added: 1001 }, strict)).toEqual(['additions'])
    const lax = guardSettings.parse({ revoke_percent: 100 })
    expect(doubts({ absent: 1000 }, lax)).toEqual([])
  })

  it('never doubts less when more vanishes', () => {
    const size = fc.nat(5000)
    fc.assert(
      fc.property(size, size, size, size, size, (live, absent, more, most, before) => {
        const recent = { most, absent: before }
        const [fewer, larger] = [absent, absent + more].map((n) =>
          doubts({ live, absent: n, recent }),
        )
        if (fewer!.length > 0) expect(larger).toEqual(fewer)
      }),
      fuzz(1000),
    )
  })
})
