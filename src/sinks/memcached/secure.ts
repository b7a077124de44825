/** TLS to a memcached: what is read from files, and what is wrong when it fails. */
import { isIP } from 'node:net'
import type { ConnectionOptions, SecureContext } from 'node:tls'
import { UsageError } from '../../errors.js'
import { printable } from '../../log.js'
import { contextFrom, signerHint, type TlsFiles } from '../../net.js'
import type { Address } from './address.js'
import { unavailable } from './unavailable.js'

/** As in the config. */
export interface TlsSettings extends TlsFiles {
  readonly server_name?: string | undefined
}

/** Read anew for each connection. @throws SinkUnavailable */
export function tlsOptions(settings: TlsSettings, address: Address): ConnectionOptions {
  const { server_name } = settings
  const name = server_name ?? ('host' in address.connect ? address.connect.host : undefined)
  return {
    secureContext: contextOf(settings, address),
    // An address is no server name (RFC 6066), but the certificate is checked against it all the same.
    ...(name !== undefined && (isIP(name) ? { host: name } : { servername: name })),
  }
}

function contextOf(settings: TlsSettings, address: Address): SecureContext {
  try {
    return contextFrom(settings)
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    throw unavailable(address.name, printable(cause.message), cause.hint, cause)
  }
}

/** Codes of Node and OpenSSL, in words. `caFile`: the authority that the settings name. */
export function tlsFault(
  code: string,
  caFile: string | undefined,
): { what: string; hint: string } | null {
  const known = FAULTS[code]
  if (known) return { what: `${known} (${code})`, hint: hintFor(code, caFile) }
  if (!/^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_)/.test(code)) return null
  return { what: `TLS failed (${code})`, hint: hintFor(code, caFile) }
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

function hintFor(code: string, caFile: string | undefined): string {
  if (/ALTNAME/.test(code))
    return 'name the server as its certificate does, or give tls.server_name'
  if (/WRONG_VERSION|PACKET_LENGTH/.test(code))
    return 'is memcached started with -Z? Else leave tls out'
  if (/EXPIRED|NOT_YET/.test(code)) return 'renew it, and compare the clocks of both machines'
  if (/CERTIFICATE_REQUIRED|ALERT/.test(code)) {
    return 'does the server want a client certificate (tls.client_pem_file), or another one?'
  }
  return signerHint(caFile, 'tls.ca_file')
}
