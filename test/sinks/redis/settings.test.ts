import { describe, expect, it } from 'vitest'
import { parsePlace } from '../../../src/sinks/redis/place.js'
import { redisSettings } from '../../../src/sinks/redis/settings.js'
import { make } from './make.js'

describe('settings', () => {
  it('all have a default but the secrets', () => {
    expect(redisSettings.parse({})).toEqual({
      url: 'redis://127.0.0.1:6379',
      prefix: '',
      value: 'json',
      expires: { hash: 0, network: 0, web: 0 },
      timeout: '5s',
    })
  })

  it('all say what they are for', () => {
    const fields = Object.entries(redisSettings.shape)
    expect(fields.filter(([, field]) => !field.description)).toEqual([])
  })

  it.each([
    [{ url: 'redis://user:secret@cache.example' }, /settings of their own/],
    [{ url: 'cache.example' }, /redis:\/\/host/],
    [{ prefix: 'a b' }, /printable/],
    [{ prefix: 'ä' }, /printable/],
    [{ username: 'tipline' }, /password beside/],
    [{ timeout: 0 }, /more than 0/],
  ])('refuse %j', (given, message) => {
    const result = redisSettings.safeParse(given)
    expect(result.error?.issues.map((issue) => issue.message).join()).toMatch(message)
  })
})

describe('the fingerprint of the settings', () => {
  const base = make('redis://127.0.0.1:1').settings

  it('tells settings apart that write something else', () => {
    const others = [
      make('redis://127.0.0.1:1', { value: 'ids' }),
      make('redis://127.0.0.1:1', { value: 'ids' }, { sourceNames: ['main', 'other'] }),
      make('redis://127.0.0.1:1', { expires: { hash: 1 } }),
    ]
    expect(new Set([base, ...others.map(({ settings }) => settings)]).size).toBe(4)
  })

  it('is the same for those that write the same', () => {
    const other = make('unix:///run/redis.sock', { timeout: '1m', password: 'secret', prefix: 'x' })
    expect(other.settings).toBe(base)
  })
})

describe('places', () => {
  it.each([
    ['redis://cache.example', 'cache.example:6379/0', { host: 'cache.example', port: 6379 }, 0],
    ['redis://cache.example:99/3', 'cache.example:99/3', { host: 'cache.example', port: 99 }, 3],
    ['rediss://192.0.2.1/', '192.0.2.1:6379/0', { host: '192.0.2.1', port: 6379 }, 0],
    ['redis://[2001:db8::1]:99', '[2001:db8::1]:99/0', { host: '2001:db8::1', port: 99 }, 0],
    ['unix:///run/redis/r.sock', '/run/redis/r.sock/0', { path: '/run/redis/r.sock' }, 0],
    ['unix:///run/a%20b.sock?db=12', '/run/a b.sock/12', { path: '/run/a b.sock' }, 12],
  ])('%s', (text, name, connect, database) => {
    const tls = text.startsWith('rediss')
    expect(parsePlace(text)).toEqual({ name, connect, database, tls })
  })

  it.each([
    ...['', 'a', 'redis:', 'redis://', 'redis:///3', 'http://a', 'redis://a:0x', 'redis://a/b'],
    ...[
      'redis://a/1/2',
      'redis://a?db=1',
      'redis://a#1',
      'unix://run/x',
      'unix:///',
      'redis://a/-1',
    ],
    ...[
      'unix:///x?db=a',
      'unix:///x?database=1',
      'redis://u@a',
      'redis://:p@a',
      'redis://a/999999',
    ],
  ])('not %j', (text) => {
    expect(parsePlace(text)).toBeTypeOf('string')
  })
})
