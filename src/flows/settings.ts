/** The part `flows` of the config. */
import { z } from 'zod'

const folder = z.strictObject({
  folder: z
    .string()
    .min(1)
    .describe(
      'Where nfcapd writes (its option -w), relative to the config. Sub-folders count too.',
    ),
  label: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N}._:/-]{0,99}$/u, 'expected a name such as border-1')
    .optional()
    .describe('What stands in the column `flowsrc`. Default: nothing.'),
})

export const flowsSettings = z.strictObject({
  watch: z
    .array(folder)
    .default([])
    .describe(
      'Folders whose finished nfcapd files are imported into ClickHouse, by `tipline run` and by `tipline flows watch`.',
    ),
  every: z
    .string()
    .regex(/^[1-9]\d{0,5}[smh]$/, 'expected a duration such as 5s or 1m')
    .default('5s')
    .describe('How often the folders are looked at.'),
})
