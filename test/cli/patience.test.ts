import { describe, it } from 'vitest'
import { Site } from './site.js'

/** The client is patient with these, so they wait side by side. */
describe.concurrent('a MISP that may yet come round', () => {
  it('fails again and again: exit status 3 after some tries, nothing changed', async ({
    expect,
  }) => {
    const own = await synced()
    own.misp.faults.always({ kind: 'error-500' })
    const cycle = await own.ask(['sync'])
    expect(cycle).toMatchObject({ exit: 3, status: 'failed', sources: [{ ok: false }] })
    expect(await own.ask(['lookup', '192.0.2.77'])).toMatchObject({ exit: 0 })
    await own.close()
  })

  it('is not there: exit status 3 after some tries, nothing changed', async ({ expect }) => {
    const own = await synced()
    await own.misp.close()
    const ran = await own.run(['sync'])
    expect(ran.status).toBe(3)
    expect(ran.stdout).toContain('can not be reached (ECONNREFUSED)')
    expect(ran.stdout).toContain('Check the URL')
    expect(await own.ask(['lookup', '192.0.2.77'])).toMatchObject({ exit: 0 })
    await own.close()
  })
})

async function synced(): Promise<Site> {
  const own = new Site()
  await own.startMisp()
  own.writeConfig()
  await own.run(['sync'])
  return own
}
