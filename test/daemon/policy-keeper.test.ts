/** Lists that change, or can't be read, while the daemon runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PolicyKeeper } from '../../src/daemon/policy-keeper.js'
import type { Works } from '../../src/daemon/works.js'
import { createPolicy } from '../../src/policy/policy.js'
import { policySettings } from '../../src/policy/settings.js'
import { openWorks } from './works.js'

let folder: string
let works: Works
let keeper: PolicyKeeper
const { signal } = new AbortController()

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-'))
  works = await openWorks(join(folder, 'data'))
  writeFileSync(join(folder, 'a.json'), list('held.example'))
  keeper = new PolicyKeeper(works, configOf())
  await keeper.begin(signal)
})
afterEach(async () => {
  await works.ledger.close()
  rmSync(folder, { recursive: true })
})

function configOf(more: object = {}) {
  const policy = policySettings.parse({ shipped_lists: false, lists_folder: folder, ...more })
  return { policy, sources: [], dataDir: join(folder, 'data') }
}

function list(name: string): string {
  return JSON.stringify({ name: 'A', type: 'string', list: [name] })
}

/** Which of these names it holds. */
function held(): string[] {
  const tags = { tags: ['tlp:green'], eventTags: [] }
  return ['held.example', 'other.example'].filter((value) => {
    const about = { kind: 'domain', space: 'domain', value, port: 0, type: 'domain', weak: false }
    return keeper.policy.judge({ ...about, ...tags, timestamp: 0, lastSeen: null }, 0).held !== null
  })
}

const failing = () => works.outages.current.map(({ part }) => part)

describe('a list that changes while the daemon runs', () => {
  it('is taken over', async () => {
    expect(held()).toEqual(['held.example'])
    writeFileSync(join(folder, 'a.json'), list('other.example'))
    await keeper.refresh(signal)
    expect(held()).toEqual(['other.example'])
  })

  it('leaves the old ones in force while it can not be read, and is told of until it can', async () => {
    writeFileSync(join(folder, 'a.json'), list('other.example').slice(0, 20))
    await keeper.refresh(signal)
    expect([held(), failing()]).toEqual([['held.example'], ['screening lists']])
    rmSync(join(folder, 'a.json'))
    writeFileSync(join(folder, 'b.json'), list('other.example'))
    await keeper.refresh(signal)
    expect([held(), failing()]).toEqual([['other.example'], []])
  })

  it('does not end the daemon when its folder is gone', async () => {
    const before = keeper.policy
    // As where the share that it lies on is not mounted.
    await keeper.use(before, configOf({ lists_folder: join(folder, 'gone') }), signal)
    await keeper.refresh(signal)
    expect(keeper.policy).toBe(before)
    expect(failing()).toEqual(['screening lists'])
  })

  it('does not bring back the config that a reload has replaced meanwhile', async () => {
    const refreshing = keeper.refresh(signal)
    const without = configOf({ lists_folder: undefined })
    const policy = createPolicy(without.policy, [])
    await Promise.all([refreshing, keeper.use(policy, without, signal)])
    expect(held()).toEqual([])
  })
})
