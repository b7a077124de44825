/** Identifiers with a grammar of their own. */
import type { Normalisation } from './indicator.js'
import { MAX_STRUCTURED, means, REASONS, refuse, refuseText } from './outcome.js'

/** Version 1 of Corelight's community id: a base64 SHA-1. */
export function communityId(value: string): Normalisation {
  const text = value.trim()
  return /^1:[A-Za-z0-9+/]{27}=$/.test(text)
    ? means('community-id', text)
    : refuseText(text, REASONS.communityId)
}

/** As OpenSSH prints it: `SHA256:` and base64 without padding, or `MD5:` and pairs of digits. */
export function sshFingerprint(value: string): Normalisation {
  const text = value.trim()
  const sha256 = /^SHA256:([A-Za-z0-9+/]{43})=?$/.exec(text)
  if (sha256 !== null) return means('ssh-fingerprint', `SHA256:${sha256[1]}`)
  // With every colon or none: with some it would be IPv6.
  const md5 = /^(?:MD5:)?((?:[0-9a-f]{2}:){15}[0-9a-f]{2}|[0-9a-f]{32})$/i.exec(text)
  if (md5 === null) return refuseText(text, REASONS.sshFingerprint)
  return means('ssh-fingerprint', `MD5:${pairs(md5[1] ?? '')}`)
}

/** Six octets (or eight, EUI-64): `00:00:5e:00:53:01`. */
export function mac(value: string): Normalisation {
  const text = value.trim()
  if (text.length > MAX_STRUCTURED) return refuse(REASONS.tooLong)
  const isMac =
    /^[0-9a-f]{2}(?:([:.\- ]?)[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}(?:(?:\1[0-9a-f]{2}){2})?$/i.test(
      text,
    )
  const isCisco = /^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2,3}$/i.test(text)
  return isMac || isCisco ? means('mac', pairs(text)) : refuseText(text, REASONS.mac)
}

export function azureApplicationId(value: string): Normalisation {
  const text = value.trim()
  const uuid = /^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$/i.exec(text)
  return uuid === null
    ? refuseText(text, REASONS.uuid)
    : means('azure-application-id', (uuid[1] ?? '').toLowerCase())
}

/** A package name of Android or a bundle id of Apple; Android's differ by case. */
export function mobileApplicationId(value: string): Normalisation {
  const text = value.trim()
  return /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+$/.test(text) && text.length <= 255
    ? means('mobile-application-id', text)
    : refuseText(text, REASONS.applicationId)
}

export function chromeExtensionId(value: string): Normalisation {
  const text = value.trim().toLowerCase()
  return /^[a-p]{32}$/.test(text)
    ? means('chrome-extension-id', text)
    : refuseText(text, REASONS.extensionId)
}

function pairs(digits: string): string {
  const bare = digits.replace(/[^0-9a-f]/gi, '').toLowerCase()
  return bare.replace(/(..)(?!$)/g, '$1:')
}
