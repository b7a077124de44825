/** From a line of nfdump's CSV to a row of `flows`. Pure. */
import { protocolName, protocolNumber } from './protocols.js'

/** What we ask of it, under nfdump's names; these are also columns of `flows`. */
export const FIELDS = [
  'ts',
  'te',
  'sa',
  'da',
  'sp',
  'dp',
  'pr',
  'flg',
  'ipkt',
  'ibyt',
  'in',
  'out',
  'sas',
  'das',
  'smk',
  'dmk',
  'ra',
  'exid',
] as const

/** All that 1.7.1 prints, in its order. */
const ALL_FIELDS =
  `ts te td sa da sp dp pr flg fwd stos ipkt ibyt opkt obyt in out sas das smk dmk dtos
  dir nh nhb svln dvln ismc odmc idmc osmc mpls1 mpls2 mpls3 mpls4 mpls5 mpls6 mpls7 mpls8 mpls9 mpls10
  cl sl al ra eng exid tr`.split(/\s+/)

/** The values of a row, in the order of the columns asked for; null: the line is no flow. */
export type RowReader = (line: string) => readonly (string | number)[] | null

export interface RowOptions {
  /** Whether nfdump prints all of its fields, or only those asked for. */
  readonly isFull: boolean
  /** Of the table; those that nfdump knows nothing of are left out. */
  readonly columns: readonly string[]
  /** Whether the table's `pr` is a number. */
  readonly numbers: boolean
  readonly flowsrc: string
}

export function writableColumns(columns: readonly string[]): string[] {
  const ours: readonly string[] = [...FIELDS, 'prs', 'flowsrc']
  return columns.filter((column) => ours.includes(column))
}

export function rowReader({ isFull, columns, numbers, flowsrc }: RowOptions): RowReader {
  const fields: readonly string[] = isFull ? ALL_FIELDS : FIELDS
  const place = Object.fromEntries(fields.map((field, at) => [field, at]))
  const protocolAt = place.pr!
  const readers = columns.map((column): ((cells: readonly string[]) => string | number) => {
    if (column === 'flowsrc') return () => flowsrc
    if (column === 'prs') return (cells) => nameOf(cells[protocolAt]!)
    if (column === 'pr' && numbers) return (cells) => protocolNumber(cells[protocolAt]!) ?? 0
    const at = place[column]!
    const read = READERS[column] ?? text
    return (cells) => read(cells[at]!)
  })
  return (line) => {
    const cells = line.split(',')
    if (cells.length !== fields.length || !TIME.test(cells[0]!)) return null
    for (let at = 0; at < cells.length; at++) cells[at] = cells[at]!.trim()
    return readers.map((read) => read(cells))
  }
}

const TIME = /^\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/

/** nfdump was run in UTC; a DateTime has whole seconds. */
function time(cell: string): string | number {
  return Date.parse(`${cell.slice(0, 10)}T${cell.slice(11, 19)}Z`) / 1000
}

/** Type and code of ICMP are printed as `3.1` by some, as 769 by others: 3 * 256 + 1. */
function port(cell: string): number {
  const dot = cell.indexOf('.')
  if (dot < 0) return within(cell, 65_535)
  return within(cell.slice(0, dot), 255) * 256 + within(cell.slice(dot + 1), 255)
}

/** What does not fit: interfaces over 65535 become 0, which is nfdump's own for unknown. */
const upTo = (most: number) => (cell: string) => within(cell, most)

function within(cell: string, most: number): number {
  const number = Number(cell)
  return Number.isInteger(number) && number >= 0 && number <= most ? number : 0
}

function text(cell: string): string {
  return cell
}

/** Counters stay text: they may be larger than a number holds. */
function counter(cell: string): string {
  return /^\d{1,19}$/.test(cell) ? cell : '0'
}

function nameOf(cell: string): string {
  const number = protocolNumber(cell)
  return number === null ? cell : protocolName(number)
}

const READERS: Readonly<Record<string, (cell: string) => string | number>> = {
  ts: time,
  te: time,
  sp: port,
  dp: port,
  ipkt: counter,
  ibyt: counter,
  in: upTo(65_535),
  out: upTo(65_535),
  sas: upTo(4_294_967_295),
  das: upTo(4_294_967_295),
  smk: upTo(255),
  dmk: upTo(255),
  exid: upTo(65_535),
}
