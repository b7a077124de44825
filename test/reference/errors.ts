/**
 * The page of errors and exit statuses. Its words are here, beside no code that needs them; the types
 * see to it that no class, status or fault is forgotten, and what can be read off a class is.
 */
import * as errors from '../../src/errors.js'

type Concrete = Exclude<keyof typeof errors, 'EXIT' | 'TiplineError'>
interface Words {
  readonly when: string
  readonly next: string
}

export function errorsReference(): string {
  const classes = Object.entries(CLASSES).map(([name, words]) => classRow(name as Concrete, words))
  const faults = Object.entries(FAULTS).map(([fault, words]) => wordsRow(fault, words))
  const statuses = Object.entries(errors.EXIT).map(statusRow)
  return `${[...HEAD, ...statuses, ...CLASS_HEAD, ...classes, ...FAULT_HEAD, ...faults].join('\n')}\n`
}

const STATUSES: Record<keyof typeof errors.EXIT, string> = {
  done: 'done',
  nothing: 'nothing found, or a check failed',
  usage: 'wrong use or wrong config; nothing was done',
  outside: 'something outside failed: a source, a sink, the data folder',
  frozen:
    'the guard froze a source: something is withheld until a person or a later answer settles it',
  bug: 'a bug in tipline; please report it',
  interrupted: 'stopped by SIGINT',
  terminated: 'stopped by SIGTERM',
}

const CLASSES: Record<Concrete, Words> = {
  UsageError: {
    when: 'The command line names what does not exist or does not fit together.',
    next: 'Read the hint, or the same command with `--help`.',
  },
  ConfigError: {
    when: 'The config can not be used. Every problem is listed, with file, line, column and key.',
    next: 'Correct the lines named; `tipline config check` tells whether that was all.',
  },
  SourceError: {
    when: 'A MISP or feed gave no believable answer. Nothing has been changed anywhere.',
    next: 'See the fault below; the next sync tries again by itself.',
  },
  SinkUnavailable: {
    when: 'A sink can not be reached now. Its cursor stays where it was; other sinks go on.',
    next: 'Start the server or correct its address; the next sync catches up.',
  },
  SinkRejected: {
    when: 'A sink took everything but the items named, which are set aside with the reason.',
    next: 'Usually nothing; `tipline status` shows how many.',
  },
  HitsError: {
    when: 'The store of hits in the data folder (`hits.db`) can not be opened, read or written.',
    next: 'Read the hint. Logs are enriched all the same; what could not be recorded is counted.',
  },
  DaemonError: {
    when: 'The daemon (`tipline run`) of the data folder could not do what a command asked it to.',
    next: 'Look into its log; `systemctl status tipline` where it runs as a service.',
  },
  ListenError: {
    when: 'The API can not listen where `http.listen` says, or its certificate is of no use.',
    next: 'Read the hint: another process may have the port, or the user may not read the key.',
  },
  RequestRefused: {
    when: 'The API refuses a request. The caller is told; no command ends by it.',
    next: 'See [problems](problems.md).',
  },
  InputError: {
    when: 'A packed file of logs, or what came on stdin, is damaged or was cut off.',
    next: 'What came before the damage has been written; get the file again.',
  },
  ClickHouseError: {
    when: 'ClickHouse, a server or the embedded engine, refused something or can not be reached.',
    next: 'Read the hint; what was missed is caught up by the next run.',
  },
  ChannelUnavailable: {
    when: 'A channel of alerts can not be reached, or not as it is set up. Its messages wait.',
    next: 'Correct what the hint names; the messages are sent by themselves. `tipline doctor --alerts` sends a test.',
  },
  AlertRefused: {
    when: 'The receiver of a channel refused one message for good. It is parked, the others go on.',
    next: 'Read the reason in `tipline alerts`, which also sends it again (`--retry`) or drops it (`--drop`).',
  },
  NfdumpError: {
    when: 'nfdump could not be started, or was ended by somebody else, such as a kernel that is short of memory.',
    next: 'Nothing: the file is tried again. Where it comes again and again, look for what ends nfdump.',
  },
  FlowFileError: {
    when: 'A file of flows is cut, foreign or unreadable. It is set aside, the others are imported.',
    next: 'Look at the file; import it again when it is whole.',
  },
  LedgerError: {
    when: 'The data folder can not be opened, is damaged, or was written by a newer tipline.',
    next: 'Read the hint; `tipline restore` brings a backup back.',
  },
  LedgerBusy: {
    when: 'Another process of tipline is writing to this data folder; its pid is named.',
    next: 'Wait for it; `tipline sync --wait` does so by itself.',
  },
  Interrupted: {
    when: 'SIGINT or SIGTERM stopped the work. What was done so far is consistent.',
    next: 'Run the command again; it goes on from there.',
  },
}

const FAULTS: Record<errors.SourceFault, Words> = {
  unreachable: {
    when: 'No connection: wrong address or port, a firewall, a server that is down.',
    next: 'Try the URL with curl from this machine; check `HTTPS_PROXY` and `NO_PROXY`.',
  },
  tls: {
    when: 'The certificate is not trusted, has expired, or is for another name.',
    next: 'Name the private CA in the config; `ignore_cert_errors` is the last resort.',
  },
  forbidden: {
    when: 'The key is wrong, has expired, or may not do this.',
    next: 'Make a new key in MISP, with the right to use the API and from this address.',
  },
  maintenance: {
    when: 'The MISP is in maintenance mode.',
    next: 'Wait for its administrators.',
  },
  'rate-limited': {
    when: 'The MISP refused because of too many requests, and went on refusing.',
    next: 'Sync less often, or have the limit of the key raised.',
  },
  'server-error': {
    when: 'The MISP answered with an error of its own, also to smaller pages.',
    next: "Look into the MISP's logs; PHP's memory limit is a frequent cause.",
  },
  'not-misp': {
    when: 'The answer is not what a MISP or feed gives: a login page, a redirect, other JSON.',
    next: 'Check the URL; something in front of the MISP may have answered.',
  },
  cut: {
    when: 'The answer ended before it was whole.',
    next: "Look for a proxy's limits on size or time between here and the source.",
  },
  timeout: {
    when: 'No answer came in time.',
    next: 'Look at the load of the source.',
  },
  'not-found': {
    when: 'The source has no such thing: a path, a feed without manifest, a missing folder.',
    next: 'Check the URL or path in the config.',
  },
  integrity: {
    when: "A file of the feed does not have the checksum that the feed's manifest gives.",
    next: 'The feed is half updated or tampered with; tell whoever publishes it if it stays so.',
  },
}

const HEAD = [
  '# Errors and exit statuses',
  '',
  'Written by `npm run docs` from `src/errors.ts`. An error says what failed and what to do next;',
  'secrets are in none of them. Anything that ends with a stack is a bug: please report it.',
  '',
  '## Exit statuses',
  '',
  'Where several apply, the order is 2, 4, 3, 1.',
  '',
  '| Status | When |',
  '| ---: | --- |',
]

const CLASS_HEAD = [
  '',
  '## Errors',
  '',
  'The classes, as the library throws them and as `type` in the log.',
  '',
  '| Class | Exit status | When | What to do |',
  '| --- | ---: | --- | --- |',
]

const FAULT_HEAD = [
  '',
  '## Faults of a source',
  '',
  'A `SourceError` names one of these.',
  '',
  '| Fault | When | What to do |',
  '| --- | --- | --- |',
]

function statusRow([name, status]: [string, number]): string {
  return `| ${status} | ${STATUSES[name as keyof typeof STATUSES]} |`
}

function classRow(name: Concrete, words: Words): string {
  return `| \`${name}\` | ${exitStatusesOf(name)} | ${words.when} | ${words.next} |`
}

function wordsRow(name: string, { when, next }: Words): string {
  return `| \`${name}\` | ${when} | ${next} |`
}

function exitStatusesOf(name: Concrete): string {
  const statuses = (['SIGINT', 'SIGTERM'] as const).map(
    (signal) => new classes[name]({ ...ANY_FACTS, signal }).exitStatus,
  )
  return [...new Set(statuses)].join(', ')
}

/** What some class wants to know; none of it shows on the page. */
const ANY_FACTS = {
  what: '',
  file: '',
  problems: [],
  source: '',
  fault: 'timeout' as const,
  sink: '',
  channel: '',
  items: [],
  pid: undefined,
  refusal: 'internal' as const,
  signal: 'SIGINT' as 'SIGINT' | 'SIGTERM',
}
const classes: Record<Concrete, new (facts: typeof ANY_FACTS) => errors.TiplineError> = errors
