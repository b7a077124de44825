/**
 * What the door has to know of a statement before the engine sees it: whether its answer can be
 * streamed, where the data of an INSERT goes, and whether it reaches for files. The engine's own parser
 * has the last word; this only cuts a statement into tokens.
 */

interface Token {
  /** `word`: bare identifiers, keywords, numbers. `name`: quoted identifiers. */
  readonly kind: 'word' | 'name' | 'text' | 'sign'
  /** As written; of words in upper case. */
  readonly text: string
  readonly start: number
  readonly end: number
}

export interface Statement {
  readonly sql: string
  /** The first word, in upper case; '' where there is none. */
  readonly verb: string
  /** What the statement's own FORMAT clause says, as written. */
  readonly format: string | null
  readonly tokens: readonly Token[]
}

/** Formats whose pieces can be put one after the other: no header, no footer. */
const STREAMED = new Set([
  'JSONEachRow',
  'JSONCompactEachRow',
  'JSONStringsEachRow',
  'JSONCompactStringsEachRow',
  'JSONLines',
  'NDJSON',
  'CSV',
  'TSV',
  'TabSeparated',
  'TabSeparatedRaw',
  'TSVRaw',
  'RowBinary',
  'Native',
])

const READING = new Set(['SELECT', 'WITH', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS'])

export function readStatement(sql: string): Statement {
  const tokens = tokensOf(sql)
  const verb = tokens.find(({ text }) => text !== '(')
  return {
    sql,
    verb: verb?.kind === 'word' ? verb.text : '',
    format: formatIn(sql, tokens),
    tokens,
  }
}

export function isStreamable({ verb, format }: Statement, fallback: string): boolean {
  return (verb === 'SELECT' || verb === 'WITH') && STREAMED.has(format ?? fallback)
}

/**
 * Why a statement may not run at all, or not for a reader; null: it may. The engine does not guard
 * these: INTO OUTFILE writes and `file()` reads whatever the process can, even when it is read-only.
 */
export function refusal({ verb, tokens }: Statement, isReader: boolean): string | null {
  // The engine takes them as quotes too; whoever types them means others.
  if (tokens.some(({ text }) => /^[‘’“”]$/.test(text))) return 'typographic quotes are not allowed'
  const words = new Set(tokens.flatMap(({ kind, text }) => (kind === 'word' ? [text] : [])))
  for (const word of ['OUTFILE', 'INFILE'])
    if (words.has(word)) return `${word} is not allowed over HTTP`
  if (!isReader) return null
  if (!READING.has(verb)) return 'this user may only read'
  const reads = tokens.some((token, at) => isFile(token) && tokens[at + 1]?.text === '(')
  return reads ? 'this user may not read files' : null
}

/**
 * An INSERT whose data comes from a file instead of the request's body; null: the statement is none
 * that takes data, or brings its data itself.
 */
export function insertFrom({ sql, verb, tokens }: Statement, path: string): string | null {
  if (verb !== 'INSERT') return null
  const last = tokens.at(-1)
  if (last?.kind !== 'word') return null
  if (tokens.some(isSelect)) return withInput({ sql, tokens, path })
  const before = tokens.at(-2)
  if (last.text === 'VALUES') return withSource({ sql, tokens, path, at: last, format: 'Values' })
  if (before?.text !== 'FORMAT') return null
  const format = sql.slice(last.start, last.end)
  return withSource({ sql, tokens, path, at: before, format })
}

interface Source {
  readonly sql: string
  readonly tokens: readonly Token[]
  readonly path: string
  /** Where the data is named. */
  readonly at: Token
  readonly format: string
}

/** Settings stand behind the source and before the format. */
function withSource({ sql, tokens, path, at, format }: Source): string | null {
  const settings = tokens.find(({ kind, text }) => kind === 'word' && text === 'SETTINGS')
  const cut = Math.min(settings?.start ?? at.start, at.start)
  const middle = settings ? sql.slice(settings.start, at.start) : ''
  return `${sql.slice(0, cut)} FROM INFILE ${literal(path)} ${middle} FORMAT ${format}`
}

/** `SELECT ... FROM input('structure') FORMAT name`: the same data as a file, which takes both itself. */
function withInput({ sql, tokens, path }: Pick<Source, 'sql' | 'tokens' | 'path'>): string | null {
  const [before, name] = tokens.slice(-2)
  const at = tokens.findIndex(({ kind, text }) => kind === 'word' && text === 'INPUT')
  const [input, open, structure] = tokens.slice(at, at + 3)
  if (at < 0 || open?.text !== '(' || structure?.kind !== 'text') return null
  if (before?.text !== 'FORMAT' || name?.kind !== 'word') return null
  const format = literal(sql.slice(name.start, name.end))
  const file = `file(${literal(path)}, ${format}, `
  return `${sql.slice(0, input!.start)}${file}${sql.slice(structure.start, before.start)}`
}

function isSelect({ kind, text }: Token): boolean {
  return kind === 'word' && text === 'SELECT'
}

/** A value as SQL text. */
export function literal(value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\u0000', '\\0')
  return `'${escaped}'`
}

function isFile({ kind, text }: Token): boolean {
  if (kind === 'word') return text === 'FILE'
  // In quotes the letters of a name can be written as escapes.
  return kind === 'name' && (text.includes('\\') || /^.file.$/i.test(text))
}

/** The last FORMAT clause, as long as nothing but settings follows it. */
function formatIn(sql: string, tokens: readonly Token[]): string | null {
  const at = tokens.findLastIndex(({ kind, text }) => kind === 'word' && text === 'FORMAT')
  const name = tokens[at + 1]
  if (at < 0 || name?.kind !== 'word') return null
  const next = tokens[at + 2]
  const ends = next === undefined || next.text === ';' || next.text === 'SETTINGS'
  return ends ? sql.slice(name.start, name.end) : null
}

const PATTERN = new RegExp(
  [
    String.raw`(?<blank>\s+|--[^\n]*|#[ !][^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<text>'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|\$(?<tag>\w*)\$[\s\S]*?(?:\$\k<tag>\$|$))`,
    String.raw`(?<name>"(?:[^"\\]|\\[\s\S]|"")*(?:"|$)|${'`'}(?:[^${'`'}\\]|\\[\s\S]|${'``'})*(?:${'`'}|$))`,
    String.raw`(?<word>[\p{L}_][\p{L}\p{N}_$]*|\p{N}[\p{L}\p{N}_]*)`,
    String.raw`(?<sign>[\s\S])`,
  ].join('|'),
  'gu',
)

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = []
  for (const match of sql.matchAll(PATTERN)) {
    const { text, name, word, sign } = match.groups!
    const start = match.index
    const end = start + match[0].length
    if (word !== undefined) tokens.push({ kind: 'word', text: word.toUpperCase(), start, end })
    else if (name !== undefined) tokens.push({ kind: 'name', text: name, start, end })
    else if (text !== undefined) tokens.push({ kind: 'text', text, start, end })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, start, end })
  }
  return tokens
}
