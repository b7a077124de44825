/** `tipline run` tells MISP of what `tipline enrich --record` met. */
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, it } from 'vitest'
import { Site, until } from '../cli/site.js'
import { createAuthority } from '../misp-client/certs.js'
import { Daemon } from './daemons.js'

it('sightings go from a log line to the MISP, once, and none with a read-only key', async () => {
  const site = new Site()
  try {
    const misp = await site.startMisp()
    const config = (key: string) =>
      site.write(
        'tipline.yml',
        `http: { listen: "127.0.0.1:0" }
sources:
  - { name: main, url: "${misp.url}", key: "${key}", sightings: { every: 1s, source: soc } }
`,
      )
    config(misp.keys.readonly)
    await site.run(['sync'])
    const store = join(site.folder, 'tipline-data/hits.db')
    const follows = () => {
      if (!existsSync(store)) return false
      const db = new DatabaseSync(store, { readOnly: true })
      try {
        return db.prepare('SELECT 1 FROM follower').get() !== undefined
      } catch {
        // The tables are still to come.
        return false
      } finally {
        db.close()
      }
    }
    const daemon = site.start(['run'])
    await until(follows)
    const line = { '@timestamp': new Date().toISOString(), 'dns.question.name': 'evil.example' }
    const ran = await site.run(['enrich', '--record'], { input: `${JSON.stringify(line)}\n` })
    expect(ran.status).toBe(0)
    await until(() => daemon.stderr.includes('may not add sightings'))
    expect(misp.store.sightings).toEqual([])
    config(misp.keys.user)
    daemon.child.kill('SIGHUP')
    await until(() => misp.store.sightings.length > 0)
    daemon.child.kill('SIGTERM')
    expect((await daemon.end()).status).toBe(0)
    const at = Math.floor(Date.parse(line['@timestamp']) / 1000)
    expect(misp.store.sightings).toMatchObject([{ type: 0, source: 'soc', date_sighting: at }])
    const told = daemon.stderr.split('\n').filter((line) => line.includes('may not add sightings'))
    expect(told).toHaveLength(1)
  } finally {
    await site.close()
  }
}, 180_000)

it('what fails is forgotten with the sightings that are no longer in the config', async () => {
  const site = new Site()
  try {
    const misp = await site.startMisp()
    const config = (sightings: string) =>
      site.write(
        'tipline.yml',
        `http: { listen: "127.0.0.1:0" }
sources:
  - { name: main, url: "${misp.url}", key: "${misp.keys.readonly}"${sightings} }
`,
      )
    config(', sightings: { every: 1s, source: soc }')
    await site.run(['sync'])
    const daemon = await Daemon.atWork(site)
    const failing = async () => {
      const status = await daemon.get<{ daemon: { failing: { part: string }[] } }>('/v1/status')
      return status.daemon.failing.map(({ part }) => part)
    }
    const line = { '@timestamp': new Date().toISOString(), 'dns.question.name': 'evil.example' }
    await until(async () => {
      // The follower's beginning may be still to come.
      const input = `${JSON.stringify({ ...line, n: Math.random() })}\n`
      await site.run(['enrich', '--record'], { input })
      return (await failing()).includes('sightings to main')
    })
    config('')
    daemon.signal('SIGHUP')
    await until(async () => (await failing()).length === 0)
    daemon.signal('SIGTERM')
    expect((await daemon.end()).status).toBe(0)
  } finally {
    await site.close()
  }
}, 180_000)

it('a CA file that is away while it is renewed ends nothing', async () => {
  const site = new Site()
  try {
    const misp = await site.startMisp()
    const ca = site.write('ca.pem', createAuthority().cert)
    site.write(
      'tipline.yml',
      `http: { listen: "127.0.0.1:0" }
sources:
  - { name: main, url: "${misp.url}", key: "${misp.keys.user}", ca_file: ca.pem, sightings: { every: 1s } }
`,
    )
    const daemon = site.start(['run'])
    await until(async () => (await site.ask(['status'])).exit === 0)
    renameSync(ca, `${ca}.old`)
    await until(() => daemon.stderr.includes("ca.pem can't be read (ENOENT)"))
    renameSync(`${ca}.old`, ca)
    await until(() => daemon.stderr.includes('well again after') || daemon.child.exitCode !== null)
    expect(daemon.child.exitCode).toBeNull()
    daemon.child.kill('SIGTERM')
    expect((await daemon.end()).status).toBe(0)
  } finally {
    await site.close()
  }
}, 180_000)
