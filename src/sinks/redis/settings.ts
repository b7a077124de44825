/** The part `sinks.redis` of the config. */
import { z } from 'zod'
import { layoutSettings } from '../layout/settings.js'
import { parsePlace } from './place.js'

const url = z.string().superRefine((text, context) => {
  const place = parsePlace(text)
  if (typeof place === 'string') context.addIssue({ code: 'custom', message: place })
})

export const redisSettings = z
  .strictObject({
    url: url
      .default('redis://127.0.0.1:6379')
      .describe(
        'The server and its database: `redis://host:port/database`, `rediss://` with TLS, or `unix:///path?db=number`.',
      ),
    username: z.string().min(1).optional().describe('An ACL user. Default: `default`.'),
    password: z
      .string()
      .min(1)
      .optional()
      .describe('Its password; best taken from the environment.'),
    password_file: z.string().min(1).optional().describe('A file that holds the password.'),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe(
        "A file with the certificates, in PEM form, of the authority that signed the server's certificate. Trusted instead of the public authorities.",
      ),
    client_pem_file: z
      .string()
      .min(1)
      .optional()
      .describe(
        "A file with tipline's own certificate and its private key, in PEM form, for a server that asks for one (`tls-auth-clients`).",
      ),
    prefix: z
      .string()
      .regex(/^[!-~]{0,64}$/, 'expected up to 64 printable ASCII characters without blanks')
      .default('')
      .describe('Stands before every key, for a database that others use too: `soc:`.'),
    ...layoutSettings,
  })
  .refine(({ username, password }) => username === undefined || password !== undefined, {
    error: 'expected a password beside username',
    path: ['password'],
  })

export type RedisSettings = z.output<typeof redisSettings>
