/** The settings and lists, made ready to be asked a million times. */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { OPT_IN_KINDS } from '../indicators/entry.js'
import type { Kind } from '../indicators/indicator.js'
import { limitSeconds } from './duration.js'
import { ListGroup } from './list-group.js'
import { Scope } from './scope.js'
import { type ListAction, ownHost, type PolicySettings } from './settings.js'
import type { WarningList } from './warninglist.js'

/** Raised by hand when a rule changes its mind, so that ledgers judge anew. */
const RULES_VERSION = 1

/** The Public Suffix List comes with tldts, and changes with it. */
const { version: SUFFIX_LIST } = createRequire(import.meta.url)('tldts/package.json') as {
  version: string
}

export class Rulebook {
  readonly settings: PolicySettings
  /** Null where there is nothing in it. */
  readonly allow: Scope | null
  readonly own: Scope | null
  readonly fingerprint: string
  readonly warnings: readonly string[]
  readonly holding: ListGroup
  readonly labelling: ListGroup
  readonly #unasked: ReadonlySet<Kind>
  readonly #ages: ReadonlyMap<Kind, { readonly text: string; readonly seconds: number }>

  constructor(settings: PolicySettings, lists: readonly WarningList[]) {
    const used = lists.filter(({ enabled }) => enabled)
    this.settings = settings
    this.allow = scopeOf(settings.allow)
    this.own = scopeOf(settings.own.map(ownHost))
    this.holding = listsThat('hold', used, settings)
    this.labelling = listsThat('label', used, settings)
    this.#unasked = new Set(OPT_IN_KINDS.filter((kind) => !settings.kinds.includes(kind)))
    this.#ages = new Map(
      Object.entries(settings.max_age).map(([kind, text]) => [
        kind,
        { text, seconds: limitSeconds(text) },
      ]),
    )
    this.fingerprint = fingerprintOf(this)
    this.warnings = unknownLists(settings, lists)
  }

  /** Seconds; Infinity for never. */
  ageLimit(kind: Kind): number {
    return this.#ages.get(kind)?.seconds ?? Number.POSITIVE_INFINITY
  }

  ageText(kind: Kind): string {
    return this.#ages.get(kind)?.text ?? 'never'
  }

  isUnasked(kind: Kind): boolean {
    return this.#unasked.has(kind)
  }
}

function scopeOf(entries: readonly string[]): Scope | null {
  return entries.length === 0 ? null : new Scope(entries, { below: true, nets: true })
}

function listsThat(
  wanted: ListAction,
  lists: readonly WarningList[],
  settings: PolicySettings,
): ListGroup {
  return new ListGroup(lists.filter((list) => actionOf(list, settings) === wanted))
}

function actionOf(list: WarningList, { lists }: PolicySettings): ListAction {
  const named = Object.entries(lists).find(([name]) => isNamed(list, name))
  return named?.[1] ?? (list.category === 'known' ? 'label' : 'hold')
}

/** By the list's name, its whole origin, or the end of it: `list.json`, `akamai/list.json`, `akamai/list`. */
function isNamed(list: WarningList, text: string): boolean {
  const wanted = text.toLowerCase()
  const origin = list.origin.toLowerCase()
  if (list.name.toLowerCase() === wanted) return true
  return [origin, origin.replace(/\.json$/, '')].some(
    (path) => path === wanted || path.endsWith(`/${wanted}`),
  )
}

function unknownLists({ lists: named }: PolicySettings, lists: readonly WarningList[]): string[] {
  return Object.keys(named)
    .filter((name) => !lists.some((list) => isNamed(list, name)))
    .map((name) => `the setting lists names "${name}", and there is no such list`)
}

/** Over everything that can change a verdict, and nothing else; order of lists changes reasons only. */
function fingerprintOf({ settings, holding, labelling }: Rulebook): string {
  const { allow, own, max_tlp, untagged_as, max_age, validity, kinds, widest_net } = settings
  const judged = {
    rules: RULES_VERSION,
    suffixes: SUFFIX_LIST,
    allow: [...allow].sort(),
    own: [...own].sort(),
    kinds: [...kinds].sort(),
    max_age: Object.entries(max_age)
      .map(([kind, text]) => [kind, limitSeconds(text)])
      .sort(),
    limits: [max_tlp, untagged_as, validity, widest_net.v4, widest_net.v6],
    holding: holding.fingerprints,
    labelling: labelling.fingerprints,
  }
  return createHash('sha256').update(JSON.stringify(judged)).digest('hex')
}
