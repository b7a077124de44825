/** The half of the type table that exact matching can do nothing with, each type with its reason. */
import type { UnmatchableType } from './entry.js'

const FUZZY = 'a similarity hash: near values mean the same, so equality misses what it is for'
const RULE = 'a rule for another engine'
const PATTERN = 'a pattern to search for, not a value to compare'
const PERSON = 'describes a person; no log of machines holds it'
const TRAVEL = "a traveller's data; no log of machines holds it"
const PAYMENT = 'payment data; no log of machines holds it'
const ATTRIBUTION = 'names who or what is behind an attack, not a trace of it'
const TARGET = 'describes the victim: matching it would report the own people and machines'
const WHOIS = 'registration data; logs hold the domain, not who registered it'
const GENERIC = 'a bare value that means nothing without its object'
const SHARED = 'shared by countless innocent connections and files'
const FREE_TEXT = 'free text for people'
const WEAKNESS = 'names a weakness, not a compromise'
const ACCOUNT = 'an account of a foreign service; the logs matched here do not hold it'
const LOOKALIKE = 'a name that malware borrows from legitimate tasks and services'
const MAIL_TEXT = 'text that innocent mail holds too'
const MAIL_INSIDE = 'lies inside the mail; mail logs do not hold it'
const KEY = 'a key as a whole; logs hold at most its fingerprint'

const REASONS: Readonly<Record<string, string>> = {
  ssdeep: FUZZY,
  tlsh: FUZZY,
  impfuzzy: FUZZY,
  telfhash: FUZZY,
  vhash: 'a similarity hash that only VirusTotal computes',
  'filename|ssdeep': FUZZY,
  'filename|tlsh': FUZZY,
  'filename|impfuzzy': FUZZY,
  'filename|vhash': 'a similarity hash that only VirusTotal computes',
  'dom-hash': "a hash of a page's structure; crawlers compute it, logs do not hold it",
  'favicon-mmh3': 'a hash of an icon; scanners compute it, logs do not hold it',

  snort: RULE,
  bro: RULE,
  zeek: RULE,
  yara: RULE,
  sigma: RULE,
  gene: RULE,
  'kusto-query': RULE,
  'stix2-pattern': RULE,
  'pattern-in-file': PATTERN,
  'pattern-in-traffic': PATTERN,
  'pattern-in-memory': PATTERN,
  'filename-pattern': PATTERN,

  AS: 'a whole network operator: would match every address it has',
  port: SHARED,
  'http-method': SHARED,
  'mime-type': SHARED,
  cookie: 'holds secrets of sessions; logs should not hold it',
  link: 'a reference to read, mostly an innocent report',
  dkim: 'a key that mail is checked with; logs do not hold it',
  'dkim-signature': 'differs from mail to mail; logs do not hold it',
  'dns-soa-email': "the contact in a zone, mostly the provider's",

  'email-subject': MAIL_TEXT,
  'email-src-display-name': MAIL_TEXT,
  'email-dst-display-name': TARGET,
  'email-x-mailer': 'names a mail program that innocent senders use too',
  'email-body': MAIL_INSIDE,
  'email-header': MAIL_INSIDE,
  'email-mime-boundary': MAIL_INSIDE,
  'email-thread-index': MAIL_INSIDE,

  pdb: 'a path inside the program; logs do not hold it',
  'process-state': 'a state that every process can be in',
  'windows-scheduled-task': LOOKALIKE,
  'windows-service-name': LOOKALIKE,
  'windows-service-displayname': LOOKALIKE,
  attachment: 'a file kept with the event, often a report',
  'pgp-public-key': KEY,
  'pgp-private-key': KEY,
  'git-commit-id': 'a reference to source code',

  'github-username': ACCOUNT,
  'github-repository': 'a place on a shared site; its URL can be matched, its name is in no log',
  'github-organisation': ACCOUNT,
  'jabber-id': ACCOUNT,
  'twitter-id': ACCOUNT,

  vulnerability: WEAKNESS,
  weakness: WEAKNESS,
  cpe: 'names a product, not a compromise',

  'threat-actor': ATTRIBUTION,
  'campaign-name': ATTRIBUTION,
  'campaign-id': ATTRIBUTION,
  'malware-type': ATTRIBUTION,
  'whois-registrant-phone': WHOIS,
  'whois-registrant-name': WHOIS,
  'whois-registrant-org': WHOIS,
  'whois-registrar': WHOIS,
  'whois-creation-date': WHOIS,

  'target-user': TARGET,
  'target-email': TARGET,
  'target-machine': TARGET,
  'target-org': TARGET,
  'target-location': TARGET,
  'target-external': TARGET,

  btc: PAYMENT,
  dash: PAYMENT,
  xmr: PAYMENT,
  iban: PAYMENT,
  bic: PAYMENT,
  'bank-account-nr': PAYMENT,
  'aba-rtn': PAYMENT,
  bin: PAYMENT,
  'cc-number': PAYMENT,
  prtn: 'a premium-rate telephone number; no log of machines holds it',
  'phone-number': 'a telephone number; no log of machines holds it',

  'first-name': PERSON,
  'middle-name': PERSON,
  'last-name': PERSON,
  'full-name': PERSON,
  'date-of-birth': PERSON,
  'place-of-birth': PERSON,
  gender: PERSON,
  'identity-card-number': PERSON,
  'passport-number': PERSON,
  'passport-country': PERSON,
  'passport-expiration': PERSON,
  nationality: PERSON,
  'primary-residence': PERSON,
  'country-of-residence': PERSON,
  'redress-number': TRAVEL,
  'visa-number': TRAVEL,
  'issue-date-of-the-visa': TRAVEL,
  'special-service-request': TRAVEL,
  'frequent-flyer-number': TRAVEL,
  'travel-details': TRAVEL,
  'payment-details': TRAVEL,
  'place-port-of-original-embarkation': TRAVEL,
  'place-port-of-clearance': TRAVEL,
  'place-port-of-onward-foreign-destination': TRAVEL,
  'passenger-name-record-locator-number': TRAVEL,

  comment: FREE_TEXT,
  text: FREE_TEXT,
  other: 'of no stated meaning',
  anonymised: 'hidden by its author',
  cortex: "an analyser's report in JSON",
  hex: GENERIC,
  'size-in-bytes': GENERIC,
  counter: GENERIC,
  integer: GENERIC,
  float: GENERIC,
  boolean: GENERIC,
  datetime: GENERIC,
}

export const UNMATCHABLE: readonly UnmatchableType[] = Object.entries(REASONS).map(
  ([type, reason]) => ({ matchable: false, type, reason }),
)
