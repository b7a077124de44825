/**
 * Matchers of log lines, each opened when it is first asked for (one holds all live keys), and what
 * records their hits.
 */
import type { LineHits } from '../hits/record.js'
import { Recorder } from '../hits/recorder.js'
import { Crew } from '../match/logs/crew.js'
import { PRESETS, type PresetName } from '../match/logs/presets.js'
import type { Backend } from './backend.js'

export interface MatcherOptions {
  readonly preset: PresetName
  readonly legacy: boolean
  /** Also tell what is to be recorded. */
  readonly record: boolean
}

export class Matchers {
  readonly #backend: Backend
  readonly #open = new Map<string, Crew>()
  readonly #recorder: Recorder

  constructor(backend: Backend) {
    this.#backend = backend
    const { dataDir, log, metrics, outages } = backend
    this.#recorder = new Recorder({ dataDir, log, metrics, outages })
  }

  /** For all streams that ask for the same. @throws LedgerError */
  of({ preset, legacy, record }: MatcherOptions): Crew {
    const key = JSON.stringify([preset, legacy, record])
    const known = this.#open.get(key)
    if (known) return known
    const { dataDir, hits } = this.#backend
    const references = hits.links
    const fields = PRESETS[preset]
    const crew = new Crew({ dataDir, fields, references, legacy, record, threads: 1 })
    this.#open.set(key, crew)
    return crew
  }

  /** Hits are kept under this label. */
  recordAs(label: string): (lines: readonly LineHits[]) => void {
    const occasion = { way: 'api', label } as const
    return (lines) => this.#recorder.add(lines, occasion)
  }

  /** What was met so far is on the disk; or can't be written for now, and waits. */
  recorded(): Promise<void> {
    return this.#recorder.settled()
  }

  /** What is to be recorded has been. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((crew) => crew.close()))
    this.#open.clear()
    await this.#recorder.close()
  }
}
