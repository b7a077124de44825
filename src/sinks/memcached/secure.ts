/** TLS to a memcached: what is read from files, and what is wrong when it fails. */
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { printable } from '../../log.js'
import type { Address } from './address.js'
import { unavailable } from './unavailable.js'

/** As in the config. */
export interface TlsSettings {
  readonly ca_file?: string | undefined
  readonly client_pem_file?: string | undefined
  readonly server_name?: string | undefined
}

/** Read anew for each connection, so that a renewed certificate needs no restart. @throws SinkUnavailable */
export async function tlsOptions(
  settings: TlsSettings,
  address: Address,
): Promise<ConnectionOptions> {
  const { ca_file, client_pem_file, server_name } = settings
  const ca = ca_file === undefined ? undefined : await pem(ca_file, { of: 'ca_file', address })
  const client =
    client_pem_file === undefined
      ? undefined
      : await pem(client_pem_file, { of: 'client_pem_file', address })
  const name = server_name ?? ('host' in address.connect ? address.connect.host : undefined)
  return {
    ...(ca !== undefined && { ca }),
    ...(client !== undefined && { cert: client, key: client }),
    // An address is no server name (RFC 6066), but the certificate is checked against it all the same.
    ...(name !== undefined && (isIP(name) ? { host: name } : { servername: name })),
  }
}

async function pem(
  file: string,
  { of, address }: { of: string; address: Address },
): Promise<string> {
  const hint = `check sinks.memcached.tls.${of}`
  try {
    const text = await readFile(file, 'utf8')
    if (text.includes('-----BEGIN ')) return text
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw unavailable(address.name, `${printable(file)} can not be read (${code})`, hint, cause)
  }
  throw unavailable(address.name, `${printable(file)} holds nothing in PEM form`, hint)
}

/** Codes of Node and OpenSSL, in words. */
export function tlsFault(code: string): { what: string; hint: string } | null {
  const known = FAULTS[code]
  if (known) return { what: `${known} (${code})`, hint: hintFor(code) }
  if (!/^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_)/.test(code)) return null
  return { what: `TLS failed (${code})`, hint: hintFor(code) }
}

const FAULTS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an unknown authority',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
}

function hintFor(code: string): string {
  if (/ALTNAME/.test(code))
    return 'name the server as its certificate does, or give tls.server_name'
  if (/WRONG_VERSION|PACKET_LENGTH/.test(code))
    return 'is memcached started with -Z? Else leave tls out'
  if (/EXPIRED|NOT_YET/.test(code)) return 'renew it, and compare the clocks of both machines'
  if (/CERTIFICATE_REQUIRED|ALERT/.test(code)) {
    return 'does the server want a client certificate (tls.client_pem_file), or another one?'
  }
  return 'give the certificate of its authority as tls.ca_file'
}
