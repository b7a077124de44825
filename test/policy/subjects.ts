import type { z } from 'zod'
import { createPolicy, type Verdict } from '../../src/policy/policy.js'
import { policySettings } from '../../src/policy/settings.js'
import type { Subject } from '../../src/policy/subject.js'
import { parseWarninglist, type WarningList } from '../../src/policy/warninglist.js'

/** 2026-11-21, 12:00 UTC. */
export const NOW = 1_795_262_400
export const DAY = 86_400

const TYPE_OF: Readonly<Record<string, string>> = {
  ip: 'ip-dst',
  net: 'ip-dst',
  'ip-port': 'ip-dst|port',
  'named-pipe': 'named pipe',
}

/** A subject changed an hour ago, without tags: served unless its value or the extras say otherwise. */
export function subject(kind: string, value: string, extra: Partial<Subject> = {}): Subject {
  return {
    space: kind === 'ip-port' ? 'ip' : kind,
    value,
    port: kind === 'ip-port' ? 443 : 0,
    weak: false,
    kind,
    type: TYPE_OF[kind] ?? kind,
    timestamp: NOW - 3600,
    lastSeen: null,
    tags: [],
    eventTags: [],
    ...extra,
  }
}

export type SettingsInput = z.input<typeof policySettings>

export function verdict(
  about: Subject,
  settings: SettingsInput = {},
  lists: readonly WarningList[] = [],
): Verdict {
  return createPolicy(policySettings.parse(settings), lists).judge(about, NOW)
}

export function list(
  type: string,
  entries: readonly string[],
  extra: Readonly<Record<string, unknown>> = {},
): WarningList {
  const json = { name: 'a list', version: 1, description: '', type, list: entries, ...extra }
  return parseWarninglist(json, 'a-list.json')
}
