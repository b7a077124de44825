/** Where outside readers may ask the embedded engine, as the config says it. */
import { describe, expect, it } from 'vitest'
import { clickhouseSettings } from '../../src/clickhouse/settings.js'

const PASSWORD = 'a password for readers'

describe('the door for readers', () => {
  const problems = (embedded: object) =>
    clickhouseSettings
      .safeParse({ embedded })
      .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? []

  it.each(['127.0.0.1:8123', '127.1.2.3:8123', 'localhost:8123', '[::1]:8123'])(
    'on loopback needs no password: %s',
    (listen) => {
      expect(problems({ listen })).toEqual([])
    },
  )

  it.each(['0.0.0.0:8123', '[::]:8123', '192.0.2.1:8123', 'ch.example:8123'])(
    'elsewhere needs one: %s',
    (listen) => {
      expect(problems({ listen })).toEqual([
        'embedded.reader_password expected a password, because `listen` is not on loopback',
      ])
      expect(problems({ listen, reader_password: PASSWORD })).toEqual([])
    },
  )

  it('is closed where nobody asks for it, and takes no short password', () => {
    expect(clickhouseSettings.parse({}).embedded.listen).toBeUndefined()
    expect(problems({ listen: '[::1]:8123', reader_password: 'short' })).toHaveLength(1)
  })
})
