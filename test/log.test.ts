import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SourceError } from '../src/errors.js'
import { createLogger, maskSecrets, printable, silentLogger } from '../src/log.js'
import { fuzz } from './fuzz.js'

const KEY = 'Zx81"quoted\\key/of-misp'

async function logTo(options: { level?: 'debug' | 'info' | 'silent'; secrets?: string[] } = {}) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const log = await createLogger({ level: 'info', pretty: false, destination, ...options })
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line)) }
}

describe('createLogger', () => {
  it('writes one line of JSON for each entry, with time, level and facts', async () => {
    const { log, entries } = await logTo()
    log.info({ source: 'main', events: 3 }, 'pulled')
    expect(entries()).toEqual([
      { level: 30, time: expect.any(String), source: 'main', events: 3, msg: 'pulled' },
    ])
    expect(new Date(entries()[0].time).toISOString()).toBe(entries()[0].time)
  })

  it('keeps a foreign value on its line', async () => {
    const { log, lines } = await logTo()
    log.info({ value: 'evil.example\r\n{"level":60}' }, 'set aside')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.trimEnd()).not.toMatch(/[\r\n]/)
  })

  it('writes nothing below its level', async () => {
    const { log, lines } = await logTo()
    log.debug('not asked for')
    expect(lines).toEqual([])
    const silent = await logTo({ level: 'silent' })
    silent.log.error('not asked for')
    expect(silent.lines).toEqual([])
  })

  it('tells an error of ours by class, sentence, hint and cause, without a stack', async () => {
    const { log, entries } = await logTo()
    const cause = new Error('socket hang up')
    const facts = { what: 'cut after 3 rows', source: 'main', fault: 'cut' as const }
    log.error({ err: new SourceError({ ...facts, hint: 'look for a proxy', cause }) })
    expect(entries()[0].err).toEqual({
      type: 'SourceError',
      message: 'cut after 3 rows',
      hint: 'look for a proxy',
      cause: 'socket hang up',
    })
  })

  it('gives the stack of what nobody meant to throw', async () => {
    const { log, entries } = await logTo()
    log.error({ err: new TypeError('x is not a function') })
    expect(entries()[0].err).toMatchObject({ type: 'TypeError', stack: expect.any(String) })
  })
})

describe('secrets', () => {
  it('never leave, whatever they hide in', async () => {
    const { log, lines } = await logTo({ secrets: [KEY] })
    log.info({ headers: { Authorization: KEY }, list: [`key=${KEY}`] }, `sent ${KEY}`)
    log.error({ err: new Error(`refused ${KEY}`, { cause: new Error(KEY) }) })
    log.child({ [KEY]: KEY }).info('bound')
    expect(lines).toHaveLength(3)
    for (const line of lines) {
      expect(line).toContain('[secret]')
      expect(line).not.toContain('Zx81')
      expect(() => JSON.parse(line)).not.toThrow()
    }
  })

  it('are masked as they are and as they look in JSON', () => {
    expect(maskSecrets(`a ${KEY} b ${JSON.stringify({ KEY })}`, [KEY])).toBe(
      'a [secret] b {"KEY":"[secret]"}',
    )
  })

  it('are left alone where they are too short to be one', () => {
    expect(maskSecrets('an error', ['an', ''])).toBe('an error')
  })

  it('are masked in any text around them', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{4,40}$/).filter((key) => !'secret'.includes(key))
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (key, before, after) => {
        const masked = maskSecrets(`${before}${key}${after}${key}`, [key])
        expect(masked).toContain('[secret]')
        expect(masked).not.toContain(key)
      }),
      fuzz(2_000),
    )
  })
})

describe('silentLogger', () => {
  it('takes every level and writes none', () => {
    const log = silentLogger()
    expect(log.isLevelEnabled('fatal')).toBe(false)
    expect(() => log.error({ err: new Error('x') }, 'y')).not.toThrow()
  })
})

describe('printable', () => {
  it.each([
    ['evil.example', 'evil.example'],
    ['b\u00fccher.example \ud83d\ude00', 'b\u00fccher.example \ud83d\ude00'],
    ['\u001b[2Jgone', '\\u001b[2Jgone'],
    ['a\r\nb\u0000\u007f\u009b', 'a\\u000d\\u000ab\\u0000\\u007f\\u009b'],
    ['exe\u202egpj.bat', 'exe\\u202egpj.bat'],
    ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
    ['1\u061c-2', '1\\u061c-2'],
  ])('shows %j as %j', (text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  it('never lets a control character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(
          /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/,
        )
      }),
      fuzz(10_000),
    )
  })
})
