/** `tipline hits`: what flows met. */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { EXIT, UsageError } from '../errors.js'
import { type FlowHit, readHits } from '../hits/read.js'
import { readIp } from '../indicators/ip.js'
import { printable } from '../log.js'
import { parseDuration } from '../policy/duration.js'
import type { Context } from './context.js'
import { openBase } from './wiring.js'

export interface HitsOptions {
  readonly since?: string
  readonly value?: string
  readonly event?: string
  readonly limit?: string
}

/** Nothing found is exit status 1. */
export async function hitsCommand(context: Context, options: HitsOptions): Promise<number> {
  const { config, log } = await openBase(context)
  const settings = config.sinks.clickhouse
  if (!settings) {
    const hint = 'add `clickhouse: {}` under `sinks` for the embedded one'
    throw new UsageError({ what: 'the config has no ClickHouse', hint })
  }
  const filter = filterOf(options, context.now())
  const { signal } = context
  const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
  try {
    let count = 0
    for await (const hit of readHits(db, tablesOf(settings).hits, filter, signal)) {
      count += 1
      if (context.out.json) context.out.text(printable(JSON.stringify(hit)))
      else context.out.lines([lineOf(hit)])
    }
    if (count === 0) context.out.lines(['No hits.'])
    return count > 0 ? EXIT.done : EXIT.nothing
  } finally {
    await db.close()
  }
}

function filterOf({ since = '24h', value, event, limit = '1000' }: HitsOptions, now: number) {
  const ago = parseDuration(since)
  if (ago === null) {
    throw new UsageError({ what: '--since is no duration', hint: 'such as 30m, 24h or 7d' })
  }
  if (!/^[1-9]\d{0,8}$/.test(limit)) {
    throw new UsageError({ what: '--limit is no number', hint: 'such as 1000' })
  }
  return {
    since: Math.max(now - ago, 0),
    value: value === undefined ? null : (readIp(value) ?? value),
    event: event ?? null,
    limit: Number(limit),
  }
}

function lineOf(hit: FlowHit): string {
  const when = new Date(hit.ts * 1000).toISOString().slice(0, 19).replace('T', ' ')
  const arrow = hit.role === 'inbound' ? '<-' : '->'
  const parts = [
    `${when}  ${hit.source_ip} ${arrow} ${hit.destination_ip} port ${hit.dp}`,
    `${hit.pkt} packets, ${hit.byt} bytes`,
    ...(hit.answered === 'no' ? ['unanswered'] : []),
    `${hit.kind || hit.type} of event ${hit.event_id || hit.event_uuid}: ${hit.info}`,
  ]
  return printable(parts.join('  '))
}
