/** Addresses of mail and their like: lower case, the domain as punycode. */
import type { Normalisation, Space } from './indicator.js'
import { readName } from './names.js'
import { generalFault, MAX_STRUCTURED, means, REASONS, refuse, refuseText } from './outcome.js'
import { refang } from './refang.js'

export function email(value: string): Normalisation {
  return scoped(value, 'email')
}

/** eduPersonPrincipalName: `user@realm`, compared without regard to case; no mailbox. */
export function eppn(value: string): Normalisation {
  return scoped(value, 'eppn')
}

/** RFC 5322's Message-ID without its angle brackets, case kept. */
export function messageId(value: string): Normalisation {
  const text = value.trim()
  if (generalFault(text, MAX_STRUCTURED) !== undefined) return refuseText(text, REASONS.messageId)
  const bare = unbracketed(text)
  return /^[^\s@<>]+@[^\s@<>]+$/.test(bare) ? means('message-id', bare) : refuse(REASONS.messageId)
}

function scoped(value: string, space: Space): Normalisation {
  const text = value.trim()
  if (generalFault(text, MAX_STRUCTURED) !== undefined) return refuseText(text, REASONS.email)
  const plain = unbracketed(refang(text))
  const at = plain.indexOf('@')
  const local = plain.slice(0, Math.max(0, at)).toLowerCase()
  const domain = readName(plain.slice(at + 1))
  return isLocalPart(local) && domain !== null
    ? means(space, `${local}@${domain}`)
    : refuse(REASONS.email)
}

function unbracketed(text: string): string {
  return text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text
}

/** Longer than RFC 5321's 64: bounce addresses that encode a recipient are. */
function isLocalPart(text: string): boolean {
  return text.length <= 256 && /^[^\s<>@,;]+$/.test(text)
}
