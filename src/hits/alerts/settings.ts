/** What the settings of every channel have in common. */
import { z } from 'zod'
import { KINDS } from '../../indicators/indicator.js'
import {
  durationSetting,
  limitSeconds,
  limitSetting,
  parseDuration,
} from '../../policy/duration.js'
import { TLP_LEVELS } from '../../policy/tlp.js'
import { LONGEST_WAIT_MS } from '../../retry.js'

export const nameSetting = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected letters, digits, ".", "_" and "-" only')
  .describe(
    'What the channel is called. It goes by its name: renamed, it begins anew and tells of first sights again.',
  )

export const commonSettings = {
  disclose: z
    .enum(TLP_LEVELS)
    .default('green')
    .describe(
      "The strictest TLP that this channel may tell. Of what is stricter only the event's UUID leaves, with network, time and count. What has no tag counts as `policy.untagged_as`.",
    ),
  networks: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Only hits whose inside address lies in these `networks`. Default: all hits.'),
  kinds: z
    .array(z.string().refine(isKind, { error: 'expected a kind such as ip, domain or sha256' }))
    .min(1)
    .optional()
    .describe('Only indicators of these kinds. Default: all.'),
  tags: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'Only attributes that have one of these tags, or whose event has; `apt:%` is any that begins so. Default: all.',
    ),
  per: z
    .enum(['inside', 'network'])
    .default('inside')
    .describe(
      'What a first sight is counted by, besides the indicator: the address or host inside, or the network.',
    ),
  again_after: durationSetting
    .default('7d')
    .describe('A pair that has not met for so long is a first sight again.'),
  digest: durationSetting
    .refine((text) => (parseDuration(text) ?? 0) >= 1, { error: 'expected 1s or more' })
    .default('1h')
    .describe('How long hits after the first are gathered before one message tells of them.'),
  max_age: limitSetting
    .default('24h')
    .describe('Hits older than this, as a backscan finds them, are told in the digest only.'),
  max_per_hour: z
    .int()
    .min(1)
    .max(10_000)
    .default(60)
    .describe(
      'First sights told within an hour. Beyond, one message says so and the others go into the digest.',
    ),
  timeout: durationSetting
    .refine((text) => (parseDuration(text) ?? 0) >= 1, { error: 'expected 1s or more' })
    .default('15s')
    .describe('The longest that one message may take.'),
}

function isKind(text: string): boolean {
  return KINDS.some((kind) => kind === text)
}

export const caFile = z
  .string()
  .min(1)
  .describe(
    "A file with the certificates, in PEM form, of the authority that signed the server's certificate. Trusted instead of the public authorities.",
  )

const common = z.strictObject({ name: nameSetting, ...commonSettings })
export type CommonSettings = z.output<typeof common>

export interface Pace {
  /** Milliseconds, each. */
  readonly againAfter: number
  readonly digest: number
  readonly maxAge: number
  readonly maxPerHour: number
}

export function paceOf(settings: CommonSettings): Pace {
  const ms = (text: string) => limitSeconds(text) * 1000
  return {
    againAfter: ms(settings.again_after),
    digest: ms(settings.digest),
    maxAge: ms(settings.max_age),
    maxPerHour: settings.max_per_hour,
  }
}

export function timeoutOf({ timeout }: Pick<CommonSettings, 'timeout'>): number {
  return Math.min(limitSeconds(timeout) * 1000, LONGEST_WAIT_MS)
}
