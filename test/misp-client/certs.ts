/**
 * An authority and certificates, made when a test asks for them: no openssl needed, and no private key
 * lies in the repository. Just enough DER for X.509 v3 with ECDSA (RFC 5280).
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

export interface Issued {
  /** PEM */
  readonly cert: string
  /** PEM */
  readonly key: string
}

export interface Authority extends Issued {
  issue(options: { names: readonly string[]; from?: Date; to?: Date }): Issued
}

const DAY_MS = 86_400_000
const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  subjectAltName: [0x55, 0x1d, 0x11],
}

export function createAuthority(name = 'Test authority'): Authority {
  const root = keys()
  const extensions = [
    extension(OID.basicConstraints, sequence(der(0x01, Buffer.from([0xff])))),
    extension(OID.keyUsage, der(0x03, Buffer.from([0x01, 0x06]))),
  ]
  const cert = certificate({ subject: name, issuer: name, of: root, by: root, extensions })
  return {
    cert,
    key: pem(root.privateKey),
    issue: ({ names, from, to }) => {
      const pair = keys()
      const alternatives = sequence(...names.map(alternative))
      const issued = certificate({
        subject: names[0] ?? '',
        issuer: name,
        of: pair,
        by: root,
        extensions: [extension(OID.subjectAltName, alternatives)],
        from,
        to,
      })
      return { cert: issued, key: pem(pair.privateKey) }
    },
  }
}

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

function keys(): Pair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}

function certificate(facts: {
  subject: string
  issuer: string
  of: Pair
  by: Pair
  extensions: readonly Buffer[]
  from?: Date | undefined
  to?: Date | undefined
}): string {
  const algorithm = sequence(der(0x06, Buffer.from(OID.ecdsaWithSha256)))
  const from = facts.from ?? new Date(Date.now() - DAY_MS)
  const to = facts.to ?? new Date(Date.now() + DAY_MS)
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguished(facts.issuer),
    sequence(moment(from), moment(to)),
    distinguished(facts.subject),
    facts.of.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...facts.extensions)),
  )
  const signature = sign('sha256', body, facts.by.privateKey)
  const whole = sequence(body, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

function distinguished(name: string): Buffer {
  const oid = der(0x06, Buffer.from(OID.commonName))
  return sequence(der(0x31, sequence(oid, der(0x0c, Buffer.from(name)))))
}

function alternative(name: string): Buffer {
  if (!isIPv4(name)) return der(0x82, Buffer.from(name))
  return der(0x87, Buffer.from(name.split('.').map(Number)))
}

function extension(oid: readonly number[], value: Buffer): Buffer {
  return sequence(der(0x06, Buffer.from(oid)), der(0x04, value))
}

/** UTCTime, good until 2049. */
function moment(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(0x17, Buffer.from(digits.slice(2)))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...long]), content])
}
