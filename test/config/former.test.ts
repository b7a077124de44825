/** Settings that have moved are read under their former names. */
import { describe, expect, it } from 'vitest'
import { formatConfigError } from '../../src/config/format.js'
import { parseConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/errors.js'
import { MISP } from './told.js'

const load = (more: string) => parseConfig(`${MISP}${more}`, { file: 'tipline.yml', env: {} })

async function told(more: string): Promise<string> {
  const error = await load(more).catch((caught: unknown) => caught)
  return error instanceof ConfigError ? formatConfigError(error) : String(error)
}

describe('history', () => {
  it('is keep.history now, and read all the same, with a warning', async () => {
    const config = await load('history: 2y\nkeep: { hits: 30d }\n')
    expect(config.keep).toEqual({ history: '2y', hits: '30d' })
    expect(config.warnings).toEqual([expect.stringContaining('keep')])
    expect((await load('')).warnings).toEqual([])
  })

  it('is told of where it stands', async () => {
    expect(await told('history: 13 months\n')).toContain('tipline.yml:5:10: history: expected')
    expect(await told('history: 2y\nkeep: { history: 1y }\n')).toContain(
      'tipline.yml:5:1: history: it is called keep.history now, which is given too',
    )
    expect(await told('history: 2y\nkeep: 5\n')).toContain('keep')
  })
})
