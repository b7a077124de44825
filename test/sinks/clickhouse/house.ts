/** An embedded engine with a sink of its own, for all tests of a suite; the database is new for each. */
import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { ClickHouse } from '../../../src/clickhouse/client.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { clickhouseSink } from '../../../src/sinks/clickhouse/sink.js'
import type { Carrier, KeyState, Sink, SinkDeps } from '../../../src/sinks/sink.js'
import { TestEngine } from '../../clickhouse/engine.js'
import { carrier, sinkDeps, uuidOf } from '../states.js'

export class ClickHouseHouse {
  #engine: TestEngine | undefined
  #db: ClickHouse | undefined
  #sinks: Sink[] = []
  sink!: Sink

  get engine(): TestEngine {
    return this.#engine!
  }

  get db(): ClickHouse {
    return this.#db!
  }

  async open(): Promise<void> {
    this.#engine = await TestEngine.start()
    this.#db = await this.#engine.connect()
  }

  /** An empty ClickHouse, and an open sink with these settings. */
  async begin(settings: object = {}, deps: Partial<SinkDeps> = {}): Promise<void> {
    await this.#closeSinks()
    await this.db.command('DROP DATABASE IF EXISTS nfsen SYNC')
    this.sink = this.makeSink(settings, deps)
    await this.sink.open(new AbortController().signal)
  }

  /** One more, not open yet; closed with the others. */
  makeSink(settings: object = {}, deps: Partial<SinkDeps> = {}): Sink {
    const { dataDir } = this.engine
    const all = sinkDeps({ sourceNames: ['main'], dataDir, ...deps })
    const sink = clickhouseSink(clickhouseSinkSettings.parse(settings), all)
    this.#sinks.push(sink)
    return sink
  }

  /** As after a crash of the machine. */
  async crash(): Promise<void> {
    await this.db.close()
    await this.engine.kill()
    await this.engine.restart()
    this.#db = await this.engine.connect()
  }

  /** Rows in a table of `nfsen`. */
  async count(table: string, where = '1'): Promise<number> {
    const sql = `SELECT count() AS n FROM nfsen.${table} WHERE ${where}`
    return Number((await this.db.row<{ n: string }>(sql)).n)
  }

  async close(): Promise<void> {
    await this.#closeSinks()
    await this.#db?.close()
    await this.#engine?.close()
  }

  async #closeSinks(): Promise<void> {
    for (const sink of this.#sinks.splice(0)) await sink.close()
  }
}

/** Opened before the suite, begun anew before each test, closed after the suite. */
export function clickHouseHouse(
  settings: object = {},
  deps: Partial<SinkDeps> = {},
): ClickHouseHouse {
  const house = new ClickHouseHouse()
  beforeAll(() => house.open())
  beforeEach(() => house.begin(settings, deps))
  afterAll(() => house.close())
  return house
}

/** An address or a net with these carriers; with none it is to go. */
export function stateOf(value: string, ...carriers: Partial<Carrier>[]): KeyState {
  return {
    space: value.includes('/') ? 'net' : 'ip',
    value,
    carriers: carriers.map((of) =>
      carrier({ attributeUuid: uuidOf(`${value} ${of.port}`), eventInfo: value, ...of }),
    ),
  }
}
