/** Tells of hits, through the channels of the config in force. A new config begins with its own. */
import { storesOptions } from '../config/hit-stores.js'
import type { LoadedConfig } from '../config/load.js'
import { Alerting } from '../hits/alerts/alerting.js'
import { openStores } from '../hits/stores.js'
import { Bell } from './bell.js'
import { withOwnSignal } from './rota.js'
import type { Works } from './works.js'

export class Alerts {
  readonly #works: Works
  readonly #config: () => LoadedConfig
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #changed = new Bell()

  constructor(parts: {
    works: Works
    config: () => LoadedConfig
    env: Readonly<Record<string, string | undefined>>
  }) {
    this.#works = parts.works
    this.#config = parts.config
    this.#env = parts.env
  }

  /** There is another config. */
  changed(): void {
    this.#changed.ring()
  }

  /** Until the abort. What is being sent then comes to its end first. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const until = new AbortController()
      const telling = withOwnSignal(signal, (own) =>
        this.#tell(AbortSignal.any([own, until.signal])),
      )
      const waiting = this.#changed.wait(Number.POSITIVE_INFINITY, signal)
      // A store that can't be opened ends the daemon, loudly.
      await Promise.race([waiting, telling.then(() => waiting)])
      until.abort()
      await telling
    }
  }

  async #tell(signal: AbortSignal): Promise<void> {
    const config = this.#config()
    if (config.alerts.length === 0) return
    const { log, metrics, clocks } = this.#works
    const stores = openStores({ ...storesOptions(config), log })
    const alerting = new Alerting({
      settings: config.alerts,
      stores,
      untagged: config.policy.untagged_as,
      env: this.#env,
      log,
      metrics,
      clock: () => clocks.wall(),
    })
    try {
      await alerting.run(signal)
    } finally {
      await alerting.close()
      await stores.close()
    }
  }
}
