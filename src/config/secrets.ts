/**
 * What must never be shown: values of keys named like a secret, request headers, and passwords and
 * tokens inside URLs. A secret may also stand in a file of its own: `key_file` gives `key`.
 */
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { maskSecrets, printable } from '../log.js'
import { isRecord, type LocatedProblem, mapStrings, type Path } from './path.js'

const SECRET_KEY = /(^|_)(key|token|password|secret)$/
const SECRET_PARAMETER = /([?&][\w.-]*(?:key|token|password|secret|auth|signature)=)([^&#\s]*)()/gi
const USERINFO = /(\/\/[^/?#\s:]*:)([^/?#\s]*)(@)/g
const FILE_SUFFIX = '_file'
const LARGEST_SECRET = 16_384
const HIDDEN = '[secret]'

export function isSecretKey(key: string | number): boolean {
  return SECRET_KEY.test(String(key))
}

export function isSecretPath(path: Path): boolean {
  if (path.slice(0, -1).includes('headers')) return true
  return isSecretKey(path.at(-1) ?? '') || isReceiver(path)
}

/** Whoever knows the URL of an incoming webhook can post there. */
function isReceiver(path: Path): boolean {
  return path[0] === 'alerts' && path.at(-1) === 'url'
}

/** Every secret in the data, longest first, so that masking one leaves no rest of another. */
export function collectSecrets(data: unknown): string[] {
  const secrets = new Set<string>()
  mapStrings(data, (text, path) => {
    if (isSecretPath(path)) secrets.add(text)
    for (const [, , hidden = ''] of [
      ...text.matchAll(USERINFO),
      ...text.matchAll(SECRET_PARAMETER),
    ]) {
      secrets.add(hidden)
      secrets.add(decoded(hidden))
    }
    return text
  })
  secrets.delete('')
  return [...secrets].sort((a, b) => b.length - a.length)
}

/** A copy for eyes: secrets replaced by `[secret]`. */
export function hideSecrets(data: unknown, secrets: readonly string[]): unknown {
  const hidden = replaceSecrets(data, () => HIDDEN)
  return mapStrings(hidden, (text) => maskSecrets(text, secrets))
}

/** A copy with something else in the place of each secret, also of those inside URLs. */
export function replaceSecrets(
  data: unknown,
  replacement: (secret: string, path: Path) => string,
): unknown {
  return mapStrings(data, (text, path) => {
    if (isSecretPath(path)) return replacement(text, path)
    const inside = (_: string, before: string, secret: string, after = '') =>
      before + (secret === '' ? '' : replacement(secret, path)) + after
    return text.replace(USERINFO, inside).replace(SECRET_PARAMETER, inside)
  })
}

export interface SecretFiles {
  readonly problems: readonly LocatedProblem[]
  readonly warnings: readonly string[]
}

/**
 * Puts the content of each `<secret>_file` into `data` in the place of `<secret>`. Paths are relative
 * to the config `file`.
 */
export async function readSecretFiles(data: unknown, file: string): Promise<SecretFiles> {
  const problems: LocatedProblem[] = []
  const warnings: string[] = []
  for (const { owner, key, secretKey, named, path } of secretFileKeys(data, [])) {
    const both = Object.hasOwn(owner, secretKey)
    const read = both ? bothGiven(key, secretKey) : await readSecret(resolve(dirname(file), named))
    delete owner[key]
    if ('message' in read) {
      problems.push({ ...read, path, about: [...path.slice(0, -1), secretKey] })
      continue
    }
    owner[secretKey] = read.text
    if (read.open) warnings.push(`everyone on this machine can read ${printable(named)}: chmod 600`)
  }
  return { problems, warnings }
}

interface SecretFileKey {
  readonly owner: Record<string, unknown>
  readonly key: string
  readonly secretKey: string
  readonly named: string
  readonly path: Path
}

function* secretFileKeys(value: unknown, path: Path): Generator<SecretFileKey> {
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) yield* secretFileKeys(item, [...path, at])
  }
  if (!isRecord(value)) return
  for (const [key, child] of Object.entries(value)) {
    const here = [...path, key]
    const secretKey = key.endsWith(FILE_SUFFIX) ? key.slice(0, -FILE_SUFFIX.length) : ''
    const isSecret = isSecretKey(secretKey) || isReceiver([...path, secretKey])
    const isFile = typeof child === 'string' && isSecret
    if (isFile) yield { owner: value, key, secretKey, named: child, path: here }
    else yield* secretFileKeys(child, here)
  }
}

function bothGiven(key: string, secretKey: string) {
  return { message: `${key} and ${secretKey} are both given`, hint: 'keep one of them' }
}

type Secret = { text: string; open: boolean } | { message: string; hint?: string }

/** The first line of the file. */
async function readSecret(file: string): Promise<Secret> {
  const name = printable(file)
  try {
    const { mode, size } = await stat(file)
    if (size > LARGEST_SECRET) return unfit(name, 'is too large for a secret')
    const text = (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
    if (text === '') return unfit(name, 'is empty')
    if (/[\r\n]/.test(text)) return unfit(name, 'has more than one line')
    return { text, open: process.platform !== 'win32' && (mode & 0o004) !== 0 }
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    return {
      message: `the file ${name} ${code === 'ENOENT' ? 'does not exist' : `can not be read (${code})`}`,
    }
  }
}

function unfit(name: string, why: string) {
  return { message: `the file ${name} ${why}`, hint: 'it should hold the secret in one line' }
}

/** The text, and the text with percent escapes resolved, if that can be done. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
