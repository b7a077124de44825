/** An engine that leaves between the look whether it is there and the first question. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { enginePlace, writeAddress } from '../../src/clickhouse/embedded/place.js'
import { openClickHouse } from '../../src/clickhouse/open.js'
import { clickhouseSettings } from '../../src/clickhouse/settings.js'
import { silentLogger } from '../../src/log.js'
import { hasEngine, TestEngine } from './engine.js'

describe.skipIf(!hasEngine())('an engine that leaves as it is asked', () => {
  let engine: TestEngine
  let leaving: Server
  /** Statements that it was asked and did not answer. */
  let unanswered: number

  beforeEach(async () => {
    engine = await TestEngine.start()
    unanswered = 0
  })
  afterEach(async () => {
    leaving.closeAllConnections()
    leaving.close()
    await engine.close()
  })

  /** Stands where the engine of the folder is looked for: says that it is there, and hangs up. */
  async function standIn(onAsked: () => void): Promise<void> {
    const socket = join(engine.dataDir, 'leaving.sock')
    leaving = createServer((request, response) => {
      if (request.url === '/ping') return void response.end('Ok.\n')
      unanswered += 1
      onAsked()
      request.socket.destroy()
    })
    await once(leaving.listen(socket), 'listening')
    writeAddress(enginePlace(engine.dataDir), { ...engine.address, socket })
  }

  function open() {
    const options = { dataDir: engine.dataDir, log: silentLogger() }
    return openClickHouse(clickhouseSettings.parse({ timeout: '30s' }), options)
  }

  it('is started, or found, once more', async () => {
    await standIn(() => writeAddress(enginePlace(engine.dataDir), engine.address))
    const db = await open()
    expect(await db.row('SELECT 7 AS n')).toEqual({ n: 7 })
    await db.close()
    expect(unanswered).toBe(1)
  })

  it('is not asked for ever', async () => {
    await standIn(() => undefined)
    await expect(open()).rejects.toMatchObject({ fault: 'unreachable' })
    expect(unanswered).toBe(2)
    expect(readFileSync(enginePlace(engine.dataDir).address, 'utf8')).toContain('leaving.sock')
  })
})
