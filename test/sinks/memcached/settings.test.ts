import { describe, expect, it } from 'vitest'
import { expiresOf } from '../../../src/sinks/layout/settings.js'
import { addressText, parseAddress } from '../../../src/sinks/memcached/address.js'
import { isTooOld } from '../../../src/sinks/memcached/server.js'
import { connectionOf, memcachedSettings } from '../../../src/sinks/memcached/settings.js'
import { make } from './make.js'

describe('settings', () => {
  it('all have a default', () => {
    const settings = memcachedSettings.parse({})
    expect(settings).toEqual({
      servers: ['127.0.0.1:11211'],
      placement: 'ring',
      auth: 'sasl',
      value: 'json',
      expires: { hash: 0, network: 0, web: 0 },
      timeout: '5s',
    })
    expect(connectionOf(settings)).toEqual({ timeout: 5000, tls: null, credentials: null })
  })

  it('stay as they were written, and are read as seconds', () => {
    const settings = memcachedSettings.parse({ expires: { hash: '30d', web: 60 }, timeout: 0.5 })
    expect(settings.expires).toEqual({ hash: '30d', network: 0, web: 60 })
    expect(expiresOf(settings)).toEqual({ hash: 2_592_000, network: 0, web: 60 })
    expect(connectionOf(settings).timeout).toBe(500)
  })

  it('all say what they are for', () => {
    const { shape } = memcachedSettings
    const fields = [
      ...Object.values(shape),
      ...Object.values(memcachedSettings.shape.expires.unwrap().shape),
    ]
    expect(fields.filter((field) => !field.description)).toEqual([])
  })

  it.each([
    [{ servers: [] }, /expected a server/],
    [{ servers: ['a', 'b', 'a:11211:2'] }, /each server once/],
    [{ placement: 'modulo' }, /ring/],
    [{ username: 'a' }, /username and password/],
    [{ password: 'a' }, /username and password/],
    [{ tls: { ca: 'x' } }, /ca/],
    [{ servers: ['a b'] }, /expected host/],
    [{ servers: ['a:99999'] }, /expected host/],
    [{ timeout: 0 }, /more than 0/],
    [{ timeout: 'soon' }, /duration/],
    [{ expires: { hash: -1 } }, /duration/],
    [{ expires: { hsah: 1 } }, /hsah/],
    [{ value: 'xml' }, /ids/],
    [{ server: 'a' }, /server/],
  ])('refuse %j', (given, message) => {
    const result = memcachedSettings.safeParse(given)
    expect(result.error?.issues.map((issue) => issue.message).join()).toMatch(message)
  })
})

describe('the fingerprint of the settings', () => {
  const base = make('127.0.0.1:1').settings

  it('tells settings apart that write something else', () => {
    const others = [
      make('127.0.0.1:1', { value: 'ids' }),
      make('127.0.0.1:1', { value: 'ids' }, { sourceNames: ['main', 'other'] }),
      make('127.0.0.1:1', { expires: { hash: 1 } }),
    ]
    expect(new Set([base, ...others.map(({ settings }) => settings)]).size).toBe(4)
  })

  it('is the same for those that write the same', () => {
    const others = [
      make('127.0.0.2:2', { timeout: '1m', expires: { hash: '0s' } }),
      make('127.0.0.1:1', {}, { sourceNames: ['main', 'other'] }),
    ]
    expect(others.map(({ settings }) => settings)).toEqual([base, base])
  })
})

describe('addresses', () => {
  it.each([
    ['cache.example', 'cache.example:11211', { host: 'cache.example', port: 11211 }],
    ['cache.example:99', 'cache.example:99', { host: 'cache.example', port: 99 }],
    ['192.0.2.1', '192.0.2.1:11211', { host: '192.0.2.1', port: 11211 }],
    ['[2001:db8::1]', '[2001:db8::1]:11211', { host: '2001:db8::1', port: 11211 }],
    ['[2001:db8::1]:99', '[2001:db8::1]:99', { host: '2001:db8::1', port: 99 }],
    ['/run/memcached.sock', '/run/memcached.sock', { path: '/run/memcached.sock' }],
  ])('%s', (text, name, connect) => {
    expect(parseAddress(text)).toMatchObject({ name, connect, weight: 1 })
  })

  it.each([
    ['cache.example:99:3', 3],
    ['[2001:db8::1]:99:12', 12],
    ['/run/memcached.sock:1000', 1000],
  ])('%s has a weight', (text, weight) => {
    expect(parseAddress(text)).toMatchObject({ weight })
  })

  it.each([
    ...['', 'a:', 'a:0', 'a:b', '2001:db8::1', '[nothing]:1', 'http://a', 'a b', 'run/x'],
    ...['a:1:0', 'a:1:1001', 'a:1:2:3', '/x:0', '/x:y', '/'],
  ])('not %j', (text) => {
    expect(parseAddress(text)).toBeNull()
  })

  it('are made of host and port', () => {
    expect(addressText('cache.example', 1)).toBe('cache.example:1')
    expect(addressText('2001:db8::1', 1)).toBe('[2001:db8::1]:1')
  })
})

describe('the version of the server', () => {
  it.each(['1.6.10', '1.6.18', '1.6.40_1', '1.7', '2.0.0'])('%s will do', (version) => {
    expect(isTooOld(version)).toBe(false)
  })
  it.each(['1.6.9', '1.6', '1.5.22', '0.9.99', 'mcrouter', ''])('%s will not', (version) => {
    expect(isTooOld(version)).toBe(true)
  })
})
