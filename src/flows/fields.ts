/**
 * From a line of nfdump's to a row of `flows`: ClickHouse itself reads the line and turns its texts into
 * the table's types, so that no flow ever passes through JavaScript. Pure.
 */
import { identifier } from '../clickhouse/names.js'
import { PROTOCOL_NAMES } from './protocols.js'

/** Columns of `flows`, in the order of a line, and how nfdump calls them. */
const FIELDS = {
  ts: '%ts',
  te: '%te',
  sa: '%sa',
  da: '%da',
  sp: '%sp',
  dp: '%dp',
  pr: '%pr',
  flg: '%flg',
  ipkt: '%ipkt',
  ibyt: '%ibyt',
  in: '%in',
  out: '%out',
  sas: '%sas',
  das: '%das',
  smk: '%smk',
  dmk: '%dmk',
  ra: '%ra',
  exid: '%exp',
} as const

type Field = keyof typeof FIELDS

export const TOKENS: readonly string[] = Object.values(FIELDS)

/** For the table function `input`: every field is a text, under the column's name. */
export const INPUT = Object.keys(FIELDS)
  .map((field) => `${identifier(field)} String`)
  .join(', ')

/** Settings under which ClickHouse reads such lines; none of them is refused. */
export const READING = {
  // A line that is too short or too long is odd, but no reason to lose the other ones.
  input_format_csv_allow_variable_number_of_columns: 1,
  // Nothing that nfdump prints is quoted.
  format_csv_allow_single_quotes: 0,
  format_csv_allow_double_quotes: 0,
} as const

/** Of a table's columns those that we fill; it may have more. */
export function writableColumns(columns: readonly string[]): string[] {
  return columns.filter((column) => column in FIELDS || column === 'prs' || column === 'flowsrc')
}

/** An expression for each column, behind `WITH`. `numbers`: whether the table's `pr` is a number. */
export function expressionsFor(columns: readonly string[], numbers: boolean): string[] {
  return columns.map((column) => {
    if (column === 'flowsrc') return '{flowsrc:String}'
    if (column === 'prs') return NAME_OF_PROTOCOL
    if (column === 'pr') return numbers ? 'protocol' : NAME_OF_PROTOCOL
    return READERS[column as Field](identifier(column))
  })
}

/** nfdump was run in UTC; a DateTime has whole seconds. */
const time = (cell: string) => `toDateTimeOrZero(substring(${cell}, 1, 19), 'UTC')`

/** What does not fit becomes 0, which is nfdump's own for unknown: interfaces may be over 65535. */
const upTo = (most: number) => (cell: string) => {
  const number = `toUInt64OrZero(${cell})`
  return `if(${number} > ${most}, 0, ${number})`
}

/** Type and code of ICMP are printed as `3.1` by some, as 769 by others: 3 * 256 + 1. */
const port = (cell: string) => {
  const part = (at: number) => upTo(255)(`splitByChar('.', ${cell})[${at}]`)
  return `if(position(${cell}, '.') > 0, ${part(1)} * 256 + ${part(2)}, ${upTo(65_535)(cell)})`
}

const counter = (cell: string) => `toUInt64OrZero(${cell})`
const text = (cell: string) => cell

const READERS: Readonly<Record<Field, (cell: string) => string>> = {
  ts: time,
  te: time,
  sa: text,
  da: text,
  sp: port,
  dp: port,
  pr: text,
  flg: text,
  ipkt: counter,
  ibyt: counter,
  in: upTo(65_535),
  out: upTo(65_535),
  sas: upTo(4_294_967_295),
  das: upTo(4_294_967_295),
  smk: upTo(255),
  dmk: upTo(255),
  ra: text,
  exid: upTo(65_535),
}

const NAMES = [...PROTOCOL_NAMES.values()].map((name) => `'${name}'`).join(', ')
const NUMBERS = [...PROTOCOL_NAMES.keys()].join(', ')

/** What the expressions refer to. A protocol comes by name, as some versions print it, or by number. */
export const WITH = `WITH [${NAMES}] AS protocol_names, [${NUMBERS}] AS protocol_numbers,
  transform(pr, protocol_names, protocol_numbers, toUInt8(${upTo(255)('pr')})) AS protocol`

const NAME_OF_PROTOCOL = 'transform(protocol, protocol_numbers, protocol_names, pr)'
