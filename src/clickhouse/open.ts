/** From the settings to a connection: a server's, or that of the embedded engine, which is started. */
import { ClickHouseError, type ClickHouseFault, UsageError } from '../errors.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { readPem, secureContext } from '../net.js'
import { ClickHouse, type Target } from './client.js'
import { enginePlace } from './embedded/place.js'
import { startEngine } from './embedded/start.js'
import { parseTableName, type TableName } from './names.js'
import type { Tables } from './schema.js'
import { type ClickHouseConfig, millisecondsOf, parseListen } from './settings.js'

export interface OpenOptions {
  /** Absolute; where the embedded engine keeps its data. */
  readonly dataDir: string
  readonly log: Logger
  /** Where failures, and starts of the engine, are counted. */
  readonly metrics?: Metrics | undefined
  readonly signal?: AbortSignal | undefined
}

/** @throws ClickHouseError, also where a file named in the settings can't be read */
export async function openClickHouse(
  config: ClickHouseConfig,
  options: OpenOptions,
): Promise<ClickHouse> {
  return isEmbedded(config)
    ? await connectToEngine(config, options)
    : await ClickHouse.connect(serverTarget(config, options), options.signal)
}

/** An engine that has just been found may have gone before it is asked: nobody had needed it for a while. */
async function connectToEngine(
  config: ClickHouseConfig,
  options: OpenOptions,
): Promise<ClickHouse> {
  const found = await embeddedTarget(config, options)
  try {
    return await ClickHouse.connect(found, options.signal)
  } catch (error) {
    if (!(error instanceof ClickHouseError) || error.fault !== 'unreachable') throw error
    return await ClickHouse.connect(await embeddedTarget(config, options), options.signal)
  }
}

export function isEmbedded({ url }: ClickHouseConfig): boolean {
  return url === 'embedded'
}

/** How the server is called in messages; never with a password. */
export function nameOf(config: ClickHouseConfig): string {
  if (isEmbedded(config)) return 'the embedded ClickHouse'
  return `ClickHouse at ${new URL(config.url).origin}`
}

/** Checked, and ready to be quoted. */
export function tablesOf({ tables }: ClickHouseConfig): Tables {
  return {
    iocs: checked(tables.iocs),
    hits: checked(tables.hits),
    flows: checked(tables.flows),
  }
}

function checked(text: string): TableName {
  const name = parseTableName(text)
  if (!name) throw new TypeError('the settings did not go through their schema')
  return name
}

async function embeddedTarget(config: ClickHouseConfig, options: OpenOptions): Promise<Target> {
  const { listen, reader_password: password = '', idle } = config.embedded
  const { socket } = await startEngine({
    ...options,
    listen: listen === undefined ? null : parseListen(listen),
    password,
    idleMs: millisecondsOf(idle),
  })
  const { warnings } = enginePlace(options.dataDir)
  const common = commonOf(config, options)
  return {
    ...common,
    url: 'http://engine',
    socket,
    warnings,
    user: 'default',
    password: '',
    ca: null,
  }
}

function serverTarget(config: ClickHouseConfig, options: OpenOptions): Target {
  const url = new URL(config.url)
  const user = decodeURIComponent(url.username) || 'default'
  const password = config.password ?? decodeURIComponent(url.password)
  if (config.ignore_cert_errors) {
    options.log.warn(
      { host: url.host },
      'CERTIFICATE ERRORS ARE IGNORED at ClickHouse; use ca_file instead',
    )
  }
  const common = commonOf(config, options)
  const { ca_file: caFile } = config
  const ca = caFile === undefined ? null : authorityFrom(caFile, common.name)
  return { ...common, url: url.origin, socket: null, warnings: null, user, password, ca, caFile }
}

function commonOf(config: ClickHouseConfig, { log, metrics }: OpenOptions) {
  return {
    name: nameOf(config),
    ignoreCertErrors: config.ignore_cert_errors,
    timeoutMs: millisecondsOf(config.timeout) ?? 0,
    onStatement: (sql: string) =>
      log.debug({ sql: sql.replaceAll(/\s+/g, ' ') }, 'ClickHouse is asked'),
    onFault: (fault: ClickHouseFault) =>
      metrics?.count('tipline_clickhouse_errors_total', { fault }),
  }
}

/** Half-way through a renewal it is not there: tried again, as when the server is away. */
function authorityFrom(file: string, name: string): string {
  try {
    const ca = readPem('ca_file', file)
    secureContext({ ca })
    return ca
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    const { message, hint } = cause
    throw new ClickHouseError({
      what: `${name}: ${message}`,
      ...(hint && { hint }),
      fault: 'tls',
      cause,
    })
  }
}
