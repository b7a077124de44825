/** What a line of nfdump's means, the plain way: an oracle for what ClickHouse makes of it. */
import { PROTOCOL_NAMES } from '../../src/flows/protocols.js'

const FIELDS = [
  ...['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt', 'in', 'out', 'sas', 'das'],
  ...['smk', 'dmk', 'ra', 'exid'],
]

export type PlainRow = Readonly<Record<string, string | number>>

/** null: no flow. */
export function plainRow(line: string): PlainRow | null {
  if (!/^\d..\d-/.test(line)) return null
  const cells = line.split(',').map((cell) => cell.trim())
  const row = Object.fromEntries(FIELDS.map((field, at) => [field, cells[at] ?? '']))
  const { sa, da, flg, ra } = row
  const pr = protocolNumber(row.pr!)
  return {
    ...{ ts: time(row.ts!), te: time(row.te!), sa: sa!, da: da!, flg: flg!, ra: ra! },
    ...{ sp: port(row.sp!), dp: port(row.dp!), pr, prs: nameOf(pr, row.pr!) },
    ...{ ipkt: counter(row.ipkt!), ibyt: counter(row.ibyt!) },
    ...{ in: within(row.in!, 65_535), out: within(row.out!, 65_535) },
    ...{ sas: within(row.sas!, 4_294_967_295), das: within(row.das!, 4_294_967_295) },
    ...{ smk: within(row.smk!, 255), dmk: within(row.dmk!, 255), exid: within(row.exid!, 65_535) },
  }
}

/** 0 for what is none. */
export function protocolNumber(text: string): number {
  const named = [...PROTOCOL_NAMES].find(([, name]) => name === text)
  return named ? named[0] : within(text, 255)
}

function nameOf(number: number, text: string): string {
  return PROTOCOL_NAMES.get(number) ?? text
}

function time(cell: string): number {
  return Date.parse(`${cell.slice(0, 10)}T${cell.slice(11, 19)}Z`) / 1000
}

function port(cell: string): number {
  const [type = '', code] = cell.split('.')
  return code === undefined ? within(cell, 65_535) : within(type, 255) * 256 + within(code, 255)
}

function within(cell: string, most: number): number {
  return /^\d+$/.test(cell) && Number(cell) <= most ? Number(cell) : 0
}

function counter(cell: string): string {
  return /^\d{1,20}$/.test(cell) && BigInt(cell) < 2n ** 64n ? String(BigInt(cell)) : '0'
}
