/** Tells systemd how we are, now and then; and that we live, as long as the ledger's writer does too. */
import { Bell } from './bell.js'
import type { Health } from './health.js'
import type { Notifier } from './notify.js'
import type { Work } from './rota.js'
import type { Works } from './works.js'

const STATUS_MS = 10_000

export function supervision(parts: {
  notifier: Notifier
  health: Health
  works: Works
}): Readonly<Record<string, Work>> {
  const { notifier, health, works } = parts
  const { watchdogMs } = notifier
  return {
    'telling the status': each(STATUS_MS, () => notifier.status(health.status())),
    ...(watchdogMs !== null && {
      'signs of life': each(watchdogMs, async () => {
        await works.ledger.writer.getMeta('ledger_id')
        await notifier.alive()
      }),
    }),
  }
}

function each(ms: number, work: () => Promise<void>): Work {
  return async (signal) => {
    const bell = new Bell()
    while (!signal.aborted) {
      await work()
      await bell.wait(ms, signal)
    }
  }
}
