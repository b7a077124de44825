import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { LineHits } from '../../src/hits/record.js'
import { Recorder } from '../../src/hits/recorder.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'

const OCCASION = { way: 'enrich', label: '' } as const

function line(digest: number): LineHits {
  const value = '198.51.100.1'
  const met = { field: 'destination.ip', observable: value, kind: 'ip', value, uuid: 'a1' }
  const event = { type: 'ip-dst', eventId: '1', eventUuid: 'e1', eventInfo: 'C2', source: 'main' }
  return {
    digest: digest.toString(16).padStart(32, '0'),
    at: null,
    observed: [[met.field, value]],
    met: [{ ...met, ...event, tlp: '' }],
  }
}

it('writes what is added at the very moment in which the work before is done', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-recorder-'))
  const recorder = new Recorder({ dataDir: folder, log: silentLogger(), metrics: new Metrics() })
  try {
    recorder.add([line(1)], OCCASION)
    await recorder.settled()
    recorder.add([line(2)], OCCASION)
    await recorder.settled()
  } finally {
    await recorder.close()
    rmSync(folder, { recursive: true })
  }
  expect(recorder.counts).toEqual({ recorded: 2, known: 0, lost: 0 })
})
