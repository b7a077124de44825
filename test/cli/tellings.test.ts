/** How far alerts and sightings have got, as `tipline status` tells it: no daemon has to run for it. */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openHits } from '../../src/hits/database.js'
import { Site } from './site.js'

const HOUR = 3_600_000

let site: Site

beforeEach(async () => {
  site = new Site()
  const { url, keys } = await site.startMisp()
  site.write(
    'tipline.yml',
    `sources:
  - { name: main, url: "${url}", key: "${keys.readonly}", sightings: { every: 1h, source: soc } }
alerts: [{ name: siem, type: file, path: ./alerts.ndjson }]
`,
  )
  expect((await site.run(['sync'])).status).toBe(0)
})
afterEach(() => site.close())

const NOTHING = {
  alerts: [{ channel: 'siem', waiting: 0, parked: 0, digest: 0, last_error: '', last_sent: null }],
  sightings: [{ source: 'main', in_config: true, pending: 0, sent: 0, refused: 0, withheld: 0 }],
}

it('is nothing before there was a hit, and is no problem', async () => {
  expect(await site.ask(['status'])).toMatchObject({
    exit: 0,
    problems: [],
    daemon: null,
    ...NOTHING,
  })
})

it('is told with what was said last, and is a problem where it lasts', async () => {
  const now = Date.now()
  const db = openHits(join(site.folder, 'tipline-data'))
  const alert = db.prepare(
    `INSERT INTO alert (id, channel, kind, at, state, tries, due, changed, reason, body)
     VALUES (?, ?, 'hit', ?, ?, 1, 0, ?, ?, '{}')`,
  )
  alert.run('a', 'siem', now - HOUR, 'waiting', now, 'the disk\u001b[2J is full')
  alert.run('b', 'siem', now, 'sending', now, '')
  alert.run('c', 'siem', now, 'sent', now - 90_000, '')
  alert.run('d', 'old', now, 'parked', now, 'refused')
  const sighting = db.prepare(
    `INSERT INTO sighting (source, attribute, type, state, opened, first, last, count, tlp, tried, reason)
     VALUES ('main', ?, 0, ?, ?, 0, 0, 1, '', ?, ?)`,
  )
  sighting.run('u1', 'open', now - 30 * HOUR, 0, '')
  sighting.run('u2', 'sending', now, now, '')
  sighting.run('u3', 'stored', now, now - 120_000, '')
  sighting.run('u4', 'refused', now, now - 5, 'an earlier reason')
  sighting.run('u5', 'refused', now, now, 'No valid attributes found')
  sighting.run('u6', 'withheld', now, 0, 'TLP red')
  db.close()
  const status = await site.ask(['status'])
  expect(status).toMatchObject({
    exit: 1,
    alerts: [
      { channel: 'siem', waiting: 2, parked: 0, last_error: 'the disk\u001b[2J is full' },
      { channel: 'old', waiting: 0, parked: 1 },
    ],
    sightings: [
      { pending: 2, sent: 1, refused: 2, withheld: 1, last_refusal: 'No valid attributes found' },
    ],
  })
  const problems = status.problems as { what: string; hint: string }[]
  expect(problems.map(({ what }) => what)).toEqual([
    expect.stringMatching(/^2 messages for the channel siem wait since 2/),
    '1 message for the channel old is parked',
    expect.stringMatching(/^2 sightings for main wait since 2/),
  ])
  const { stdout } = await site.run(['status'])
  expect(stdout).toMatch(/siem +sent \d+ minutes? ago +2 waiting +0 parked +0 for the digest/)
  expect(stdout).toMatch(/main +sent \d+ minutes? ago +2 pending +1 stored +2 refused/)
  expect(stdout).not.toContain('\u001b[2J')
})
