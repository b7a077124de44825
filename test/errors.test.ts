import { describe, expect, it } from 'vitest'
import {
  ConfigError,
  EXIT,
  Interrupted,
  LedgerBusy,
  LedgerError,
  SinkRejected,
  SinkUnavailable,
  SourceError,
  TiplineError,
  UsageError,
} from '../src/errors.js'

const what = 'the answer ended early'
const SAMPLES: [TiplineError, number][] = [
  [new UsageError({ what }), EXIT.usage],
  [new ConfigError({ what, file: 'tipline.yml', problems: [] }), EXIT.usage],
  [new SourceError({ what, source: 'main', fault: 'cut' }), EXIT.outside],
  [new SinkUnavailable({ what, sink: 'memcached' }), EXIT.outside],
  [new SinkRejected({ what, sink: 'memcached', items: [] }), EXIT.outside],
  [new LedgerError({ what }), EXIT.outside],
  [new LedgerBusy({ what, pid: 4711 }), EXIT.outside],
  [new Interrupted({ what, signal: 'SIGINT' }), 130],
  [new Interrupted({ what, signal: 'SIGTERM' }), 143],
]

describe('errors', () => {
  it.each(SAMPLES)('%s says what failed and with which status to end', (error, status) => {
    expect(error).toBeInstanceOf(TiplineError)
    expect(error.message).toBe(what)
    expect(error.exitStatus).toBe(status)
    expect(error.name).toBe(error.constructor.name)
  })

  it('keep the cause and the hint, and have neither where there is none', () => {
    const cause = new Error('ECONNRESET')
    const full = new UsageError({ what, hint: 'try again', cause })
    expect(full).toMatchObject({ cause, hint: 'try again' })
    const bare = new UsageError({ what })
    expect(bare.hint).toBeUndefined()
    expect('cause' in bare).toBe(false)
  })

  it('carry the facts that callers decide by', () => {
    const source = new SourceError({ what, source: 'main', fault: 'forbidden', status: 403 })
    expect(source).toMatchObject({ source: 'main', fault: 'forbidden', status: 403 })
    expect(new LedgerBusy({ what, pid: 4711 })).toMatchObject({ pid: 4711 })
    const items = [{ item: 'misp-ip:192.0.2.1', reason: 'too long' }]
    expect(new SinkRejected({ what, sink: 'memcached', items })).toMatchObject({ items })
    const problems = [{ line: 3, column: 5, key: 'sources.0.url', message: 'no URL' }]
    const config = new ConfigError({ what, file: 'tipline.yml', problems })
    expect(config).toMatchObject({ file: 'tipline.yml', problems })
  })

  it('tell a busy ledger from a broken one by class', () => {
    expect(new LedgerBusy({ what, pid: undefined })).toBeInstanceOf(LedgerError)
    expect(new LedgerError({ what })).not.toBeInstanceOf(LedgerBusy)
  })
})
