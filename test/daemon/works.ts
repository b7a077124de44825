/** What the keepers of a daemon work with, on a new ledger. */
import type { Works } from '../../src/daemon/works.js'
import { openLedger } from '../../src/ledger/ledger.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { Outages } from '../../src/outage.js'
import { createPolicy } from '../../src/policy/policy.js'
import { policySettings } from '../../src/policy/settings.js'
import { Deriver } from '../../src/sync/derive.js'
import { guardSettings } from '../../src/sync/settings.js'
import { Turns } from '../../src/sync/turns.js'
import { CLOCKS } from '../../src/time.js'

/** The caller closes its ledger. */
export async function openWorks(dataDir: string): Promise<Works> {
  const log = silentLogger()
  return {
    ledger: await openLedger(dataDir),
    deriver: new Deriver(createPolicy(policySettings.parse({}), [])),
    turns: new Turns(),
    guard: guardSettings.parse({}),
    clocks: CLOCKS,
    outages: new Outages(log),
    log,
    metrics: new Metrics(),
  }
}
