/** The file of ECS documents: whole lines, whatever is done to it meanwhile. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ChannelUnavailable } from '../../../src/errors.js'
import { alertOf, channelOf, eventOf, ID, NEVER, shown, sightOf } from './facts.js'

function make() {
  const path = join(mkdtempSync(join(tmpdir(), 'tipline-alerts-')), 'alerts.ndjson')
  return { path, channel: channelOf({ type: 'file', path }) }
}

function documents(path: string) {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('a file', () => {
  it('gets an ECS document for each sight', async () => {
    const { path, channel } = make()
    await channel.send(shown(alertOf()), NEVER)
    expect(documents(path)).toMatchInlineSnapshot(`
      [
        {
          "@timestamp": "2026-11-22T03:59:30.000Z",
          "ecs": {
            "version": "8.17.0",
          },
          "event": {
            "category": [
              "threat",
            ],
            "created": "2026-11-22T04:00:00.000Z",
            "dataset": "tipline.alert",
            "end": "2026-11-22T03:59:30.000Z",
            "id": "6f1c0e4e-62a2-4a57-9b0c-0d4b6b1f0a01",
            "kind": "alert",
            "module": "tipline",
            "start": "2026-11-22T03:59:00.000Z",
            "type": [
              "indicator",
            ],
          },
          "message": "1 x domain webmail-update[.]example, 192.0.2.40 (network campus), 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z",
          "observer": {
            "product": "tipline",
            "type": "threat-intelligence",
          },
          "related": {
            "ip": [
              "192.0.2.40",
            ],
          },
          "threat": {
            "enrichments": [
              {
                "indicator": {
                  "description": "Phishing for webmail passwords",
                  "marking": {
                    "tlp": "GREEN",
                  },
                  "name": "webmail-update.example",
                  "provider": "main",
                  "reference": "https://misp.example.org/events/view/1234",
                  "type": "domain-name",
                  "url": {
                    "domain": "webmail-update.example",
                  },
                },
                "matched": {
                  "atomic": "static.login.webmail-update.example",
                  "field": "dns.rrname",
                  "id": "5f6c1b7a-0000-4000-8000-00000000000a",
                  "index": "main",
                  "occurred": "2026-11-22T03:59:30.000Z",
                  "type": "indicator_match_rule",
                },
              },
            ],
          },
          "tipline": {
            "alert": {
              "backscan": false,
              "channel": "soc",
              "count": 1,
              "disclosed": true,
              "hit": "log-00000000000000aa",
              "id": "6f1c0e4e-62a2-4a57-9b0c-0d4b6b1f0a01",
              "inside": "192.0.2.40",
              "kind": "hit",
              "label": "resolver-1",
              "more_events": 0,
              "network": "campus",
            },
          },
        },
      ]
    `)
    expect(statSync(path).mode & 0o777).toBe(0o640)
  })

  it('may be moved, and be truncated', async () => {
    const { path, channel } = make()
    await channel.send(shown(alertOf()), NEVER)
    renameSync(path, `${path}.1`)
    await channel.send(shown(alertOf()), NEVER)
    expect(documents(path)).toHaveLength(1)
    truncateSync(path, 0)
    await channel.send(shown(alertOf()), NEVER)
    expect(documents(path)).toHaveLength(1)
  })

  it('begins a line of its own behind half a line', async () => {
    const { path, channel } = make()
    appendFileSync(path, '{"half')
    await channel.send(shown(alertOf()), NEVER)
    const [half, whole] = readFileSync(path, 'utf8').split('\n')
    expect(half).toBe('{"half')
    expect(JSON.parse(whole ?? '').event.id).toBe(ID)
  })

  it('knows what it has, also once it was moved, and what it has only half', async () => {
    const { path, channel } = make()
    const alert = shown(
      alertOf({ kind: 'digest', sights: [sightOf(), sightOf({ inside: 'host1' })] }),
    )
    expect(await channel.has?.(alert)).toBe(false)
    await channel.send(alert, NEVER)
    expect(await channel.has?.(alert)).toBe(true)
    const text = readFileSync(path, 'utf8')
    renameSync(path, `${path}.1`)
    expect(await channel.has?.(alert)).toBe(true)
    truncateSync(`${path}.1`, text.length - 10)
    expect(await channel.has?.(alert)).toBe(false)
  })

  it('says what stands in its way', async () => {
    const { path } = make()
    execFileSync('mkfifo', [`${path}.pipe`])
    for (const bad of [`${path}/x/y`, `${path}.pipe`, tmpdir()]) {
      const sent = channelOf({ type: 'file', path: bad }).send(shown(alertOf()), NEVER)
      await expect(sent).rejects.toBeInstanceOf(ChannelUnavailable)
    }
  })

  it('is all of it there or nothing, where the disk is full', async () => {
    const sent = channelOf({ type: 'file', path: '/dev/full' }).send(shown(alertOf()), NEVER)
    await expect(sent).rejects.toBeInstanceOf(ChannelUnavailable)
  })

  it('tells of a withheld sight nothing but the event', async () => {
    const { path, channel } = make()
    await channel.send(
      shown(alertOf({ sights: [sightOf({ events: [eventOf({ tlp: 'red' })] })] })),
      NEVER,
    )
    expect(documents(path)).toMatchInlineSnapshot(`
      [
        {
          "@timestamp": "2026-11-22T03:59:30.000Z",
          "ecs": {
            "version": "8.17.0",
          },
          "event": {
            "category": [
              "threat",
            ],
            "created": "2026-11-22T04:00:00.000Z",
            "dataset": "tipline.alert",
            "end": "2026-11-22T03:59:30.000Z",
            "id": "6f1c0e4e-62a2-4a57-9b0c-0d4b6b1f0a01",
            "kind": "alert",
            "module": "tipline",
            "start": "2026-11-22T03:59:00.000Z",
            "type": [
              "indicator",
            ],
          },
          "message": "1 x a hit that may not be told here (TLP), network campus, 2026-11-22T03:59:00Z to 2026-11-22T03:59:30Z; event 5f6c1b7a-0000-4000-8000-000000000001",
          "observer": {
            "product": "tipline",
            "type": "threat-intelligence",
          },
          "threat": {
            "enrichments": [
              {
                "indicator": {
                  "reference": "5f6c1b7a-0000-4000-8000-000000000001",
                },
              },
            ],
          },
          "tipline": {
            "alert": {
              "backscan": false,
              "channel": "soc",
              "count": 1,
              "disclosed": false,
              "id": "6f1c0e4e-62a2-4a57-9b0c-0d4b6b1f0a01",
              "kind": "hit",
              "more_events": 0,
              "network": "campus",
            },
          },
        },
      ]
    `)
  })
})
