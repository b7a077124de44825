import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Standin, startStandin } from '../misp/standin.js'
import { smallWorld } from '../misp/world.js'
import { hasMemcached, Memcached } from '../servers/memcached.js'
import { House, mispSettings } from './house.js'

describe.skipIf(!hasMemcached())('a sync from MISP to memcached', () => {
  let misp: Standin
  let memcached: Memcached
  let house: House

  beforeAll(async () => {
    misp = await startStandin({ store: () => smallWorld() })
    memcached = await Memcached.start()
    house = new House({
      sources: [mispSettings(misp.url, misp.keys.readonly)],
      memcached: memcached.port,
    })
  })
  afterAll(async () => {
    await house.close()
    await misp.close()
    await memcached.stop()
  })

  it('loads what is published, then finds nothing to do', async () => {
    const first = await house.sync()
    console.log(JSON.stringify(first, null, 1))
    expect(first.status).toBe(0)
    misp.requests.length = 0
    const second = await house.sync()
    console.log(JSON.stringify(second, null, 1), misp.requests)
    expect(misp.requests.length).toBeLessThanOrEqual(3)
  })
})
