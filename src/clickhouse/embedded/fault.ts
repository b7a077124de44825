/** What the engine complains of, as ClickHouse's HTTP interface tells it. */

/** The engine, or the door before it, refused or broke off a statement. */
export class EngineFault extends Error {
  /** ClickHouse's error code, e.g. 60. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'EngineFault'
    this.code = code
  }

  /** As ClickHouse writes it into the answer; clients read code and type from it. */
  get text(): string {
    return `Code: ${this.code}. DB::Exception: ${this.message}\n`
  }

  get status(): number {
    return STATUS.get(this.code) ?? 500
  }
}

/** ClickHouse's numbers of what the door itself complains of. */
export const CODES = {
  badArguments: 36,
  syntaxError: 62,
  queryNotAllowed: 392,
  authenticationFailed: 516,
  unknownException: 1002,
} as const

const STATUS = new Map<number, number>([
  ...[36, 62, 72, 457].map((code) => [code, 400] as const),
  ...[46, 47, 50, 56, 60, 81, 115].map((code) => [code, 404] as const),
  ...[164, 392, 497].map((code) => [code, 403] as const),
  [516, 401],
])

/** chDB's errors carry ClickHouse's code in their text only. */
export function asFault(error: unknown): EngineFault {
  if (error instanceof EngineFault) return error
  const text = error instanceof Error ? error.message : String(error)
  const told = /^Code: (\d+)\. DB::Exception: (.*)$/s.exec(text.trim())
  if (!told) return new EngineFault(CODES.unknownException, `${text} (UNKNOWN_EXCEPTION)`)
  return new EngineFault(Number(told[1]), told[2]!)
}
