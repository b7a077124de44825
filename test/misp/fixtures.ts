/** The recordings of a real MISP that are kept in test/fixtures/misp-wire. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Recording {
  readonly name: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | null
  }
  readonly response: {
    readonly status: number
    readonly headers: readonly (readonly [string, string])[]
    readonly body: string
    readonly body_bytes: number
    readonly body_truncated: boolean
  }
}

export function recording(name: string): Recording {
  return JSON.parse(fixture(`${name}.json`)) as Recording
}

export function fixture(file: string): string {
  return readFileSync(join(folder(), file), 'utf8')
}

export function fixtureNames(): string[] {
  return readdirSync(folder())
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5))
}

/** From the sources as well as from where tsc puts what it made of them. */
function folder(): string {
  let here = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(here, 'package.json'))) here = dirname(here)
  return join(here, 'test/fixtures/misp-wire')
}
