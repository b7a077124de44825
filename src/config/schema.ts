/** The schema of `tipline.yml`, put together from what the parts export. */
import { z } from 'zod'
import { flowsSettings } from '../flows/settings.js'
import { alertsSettings } from '../hits/alerts/channels/registry.js'
import { keepHitsSetting } from '../hits/settings.js'
import { httpSettings, parseListen } from '../http/settings.js'
import { LOG_LEVELS } from '../log.js'
import { feedSourceSettings, mispSourceSettings } from '../misp/settings.js'
import { networksSetting } from '../networks.js'
import { policySettings } from '../policy/settings.js'
import { sinksSettings } from '../sinks/registry.js'
import { guardSettings, historySetting } from '../sync/settings.js'
import type { JsonSchema } from './keys.js'
import { mapStrings, type Path } from './path.js'
import { DEFAULT_DATA_DIR } from './place.js'
import { oneOf } from './wording.js'

const sources = z
  .array(z.discriminatedUnion('type', [mispSourceSettings, feedSourceSettings]))
  .min(1)
  .superRefine(refuseSameNames('sources'))
  .describe('Where indicators come from. The first one that has an event tells of it.')

const alerts = alertsSettings
  .superRefine(refuseSameNames('alerts'))
  .default([])
  .describe('Channels through which `tipline run` tells of hits.')

const log = z.strictObject({
  level: z.enum(LOG_LEVELS).default('info').describe('The least severe messages that are written.'),
  pretty: z.boolean().optional().describe('For eyes instead of JSON. Default: on a terminal.'),
})

const whole = z.strictObject({
  data_dir: z
    .string()
    .min(1)
    .default(DEFAULT_DATA_DIR)
    .describe('The folder of the ledger, relative to the config file.'),
  sources,
  sinks: sinksSettings
    .prefault({})
    .describe('Where indicators go. Without a sink a sync only fills the ledger.'),
  flows: flowsSettings.prefault({}).describe('Where flows come from.'),
  policy: policySettings.prefault({}).describe('What of the ledger is served.'),
  networks: networksSetting,
  alerts,
  guard: guardSettings.prefault({}).describe('Which answers of a source are believed.'),
  keep: z
    .strictObject({ history: historySetting, hits: keepHitsSetting })
    .prefault({})
    .describe('How long what is remembered.'),
  http: httpSettings
    .prefault({})
    .describe('The API and the page of `tipline run`. Without tokens for this machine alone.'),
  log: log.prefault({}).describe('The log on stderr.'),
})

export const configSchema = whole
  .superRefine(refuseUnknownNetworks)
  .superRefine(refuseFlowsWithoutClickHouse)

export type Config = z.output<typeof configSchema>

/** For editors and for `tipline config schema`. */
export function configJsonSchema(): JsonSchema {
  jsonSchema ??= z.toJSONSchema(configSchema, { io: 'input' })
  return jsonSchema
}

/** Made once, when first asked for: it takes some ten milliseconds. */
let jsonSchema: JsonSchema | undefined

/** A copy in which `change` was applied to every setting that names a file or folder. */
export function mapPaths(config: Config, change: (path: string) => string): Config {
  const { lists_folder } = config.policy
  return {
    ...config,
    data_dir: change(config.data_dir),
    sources: config.sources.map((source) => ({
      ...source,
      ...(source.ca_file !== undefined && { ca_file: change(source.ca_file) }),
      ...(source.type === 'feed' && source.path !== undefined && { path: change(source.path) }),
    })),
    sinks: mapFiles(config.sinks, change),
    http: { ...mapFiles(config.http, change), listen: mapSocket(config.http.listen, change) },
    flows: {
      ...config.flows,
      watch: config.flows.watch.map((each) => ({ ...each, folder: change(each.folder) })),
    },
    alerts: mapFiles(config.alerts, change).map((channel) =>
      channel.type === 'file' ? { ...channel, path: change(channel.path) } : channel,
    ),
    policy: {
      ...config.policy,
      ...(lists_folder !== undefined && { lists_folder: change(lists_folder) }),
    },
  }
}

/** Every setting `*_file` names a file. What held a secret was read, and has no such name now. */
function mapFiles<T>(part: T, change: (path: string) => string): T {
  const isFile = (path: Path) => String(path.at(-1)).endsWith('_file')
  return mapStrings(part, (text, path) => (isFile(path) ? change(text) : text)) as T
}

function mapSocket(listen: string, change: (path: string) => string): string {
  const address = parseListen(listen)
  return address?.kind === 'unix' ? `unix:${change(address.path)}` : listen
}

/** A channel that waits for hits in a network which nobody has would be silent for ever. */
function refuseUnknownNetworks(
  { networks, alerts }: z.output<typeof whole>,
  context: z.core.$RefinementCtx,
): void {
  const known = Object.keys(networks)
  const expected = known.length === 0 ? 'a name out of `networks`, which has none' : oneOf(known)
  for (const [at, channel] of alerts.entries()) {
    for (const [place, name] of (channel.networks ?? []).entries()) {
      if (known.includes(name)) continue
      const path = ['alerts', at, 'networks', place]
      context.addIssue({ code: 'custom', path, message: `expected ${expected}` })
    }
  }
}

/** Files that nobody reads would be missed only when their hits are. */
function refuseFlowsWithoutClickHouse(
  { flows, sinks }: z.output<typeof whole>,
  context: z.core.$RefinementCtx,
): void {
  if (flows.watch.length === 0 || sinks.clickhouse !== undefined) return
  const message = 'flows go into ClickHouse; add `clickhouse: {}` under `sinks`'
  context.addIssue({ code: 'custom', path: ['flows', 'watch'], message })
}

interface Named {
  readonly name: string
}

function refuseSameNames(part: string) {
  return (named: readonly Named[], context: z.core.$RefinementCtx): void => {
    const first = new Map<string, number>()
    for (const [index, { name }] of named.entries()) {
      const other = first.get(name)
      if (other === undefined) first.set(name, index)
      else {
        const message = `expected a name of its own (${part}.${other} has this one)`
        context.addIssue({ code: 'custom', path: [index, 'name'], message })
      }
    }
  }
}
