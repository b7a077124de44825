import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { candidates, exactCandidates } from '../../src/indicators/observable.js'
import { fuzz } from '../fuzz.js'
import { hostileText } from './hostile.js'

/** Nearly any text may be one of these. */
const TEXT_SPACES = [
  'filename',
  'user-agent',
  'regkey',
  'mutex',
  'named-pipe',
  'mobile-application-id',
  'message-id',
]

function keys(all: readonly { space: string; value: string }[]): string[] {
  return all.map(({ space, value }) => `${space}:${value}`)
}

describe('exactCandidates', () => {
  it.each([
    ['a.evil.example', ['hostname:a.evil.example', 'domain:a.evil.example']],
    ['hxxp://a.evil.example/x', ['url:http://a.evil.example/x']],
    ['http://192.0.2.1/', ['url:http://192.0.2.1/']],
    ['bad@evil.example', ['email:bad@evil.example', 'eppn:bad@evil.example']],
    ['192.0.2.1', ['ip:192.0.2.1']],
    ['192.0.2.1:443', ['ip:192.0.2.1']],
    ['192.0.2.0/24', ['net:192.0.2.0/24']],
    ['', []],
  ])('of %j leaves out its host and what is above', (text, expected) => {
    const exact = exactCandidates(text).filter(({ space }) => !TEXT_SPACES.includes(space))
    expect(keys(exact)).toEqual(expected)
  })

  it('are all among the candidates', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(keys(candidates(text))).toEqual(expect.arrayContaining(keys(exactCandidates(text))))
      }),
      fuzz(10_000),
    )
  })
})
