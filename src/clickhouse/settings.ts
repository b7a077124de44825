/** How ClickHouse is reached, as the config says it. */
import { z } from 'zod'
import { parseTableName } from './names.js'

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const
const DURATION = /^(\d{1,6})([smhd])$/

const tableName = (about: string, fallback: string) =>
  z
    .string()
    .refine((text) => parseTableName(text) !== null, {
      error: 'expected database.table, of letters, digits and "_"',
    })
    .default(fallback)
    .describe(about)

const tables = z.strictObject({
  iocs: tableName('The indicators; misp2ch calls it ch_db_iocs.', 'nfsen.iocs'),
  hits: tableName('What was matched; misp2ch calls it ch_db_hits.', 'nfsen.ioc_hits'),
  flows: tableName('The flows, as nfdump2clickhouse fills it.', 'nfsen.flows'),
})

const embedded = z.strictObject({
  listen: z
    .string()
    .regex(/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/, 'expected host:port, e.g. 127.0.0.1:8123')
    .optional()
    .describe(
      'Where outside readers (Grafana, curl) may ask, as the user `reader`, who can change nothing. Default: nowhere.',
    ),
  reader_password: z
    .string()
    .min(8, 'expected at least 8 characters')
    .optional()
    .describe('The password of `reader`. Needed where `listen` is not on loopback.'),
  idle: z
    .string()
    .regex(/^(\d{1,6}[smhd]|never)$/, 'expected a duration such as 60s or 5m, or never')
    .default('60s')
    .describe('How long the engine waits for the next question before it stops by itself.'),
})

export const clickhouseSettings = z
  .strictObject({
    url: z
      .string()
      .refine((text) => text === 'embedded' || isServerUrl(text), {
        error: 'expected embedded, or a URL such as https://user@clickhouse.example:8443',
      })
      .default('embedded')
      .describe('`embedded`, or the HTTP interface of a server: https://user@host:8443.'),
    password: z.string().optional().describe('The password of the user in `url`.'),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe('A file with the authorities to trust, in PEM form, instead of the public ones.'),
    ignore_cert_errors: z
      .boolean()
      .default(false)
      .describe('Take any certificate. Unsafe. Warned of at each start.'),
    timeout: z
      .string()
      .regex(DURATION, 'expected a duration such as 30s or 5m')
      // 0 would be no limit to the client.
      .refine((text) => /[1-9]/.test(text), 'expected 1s or more')
      .default('120s')
      .describe('How long an answer may take to begin, and to pause in the middle.'),
    tables: tables.prefault({}).describe('Where what is.'),
    embedded: embedded.prefault({}).describe('Of the embedded engine only.'),
  })
  .superRefine(({ embedded: { listen, reader_password } }, context) => {
    if (listen === undefined || isLoopback(listen) || reader_password !== undefined) return
    const message = 'expected a password, because `listen` is not on loopback'
    context.addIssue({ code: 'custom', path: ['embedded', 'reader_password'], message })
  })

export type ClickHouseConfig = z.output<typeof clickhouseSettings>

/** In milliseconds; null: never. */
export function millisecondsOf(duration: string): number | null {
  const match = DURATION.exec(duration)
  return match ? Number(match[1]) * seconds[match[2] as keyof typeof seconds] * 1000 : null
}

/** Host and port; an IPv6 address without its brackets. */
export function parseListen(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) }
}

function isServerUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function isLoopback(listen: string): boolean {
  return /^(localhost|127\.[\d.]+|::1)$/.test(parseListen(listen).host)
}
