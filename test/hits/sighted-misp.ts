/** A MISP with the two attributes that tests of sightings meet. */
import { Store } from '../misp/store.js'

/** `now`: epoch seconds. */
export function sightedMisp(now: number): Store {
  const store = new Store({ now })
  store.addEvent({
    info: 'C2',
    attributes: [
      { type: 'ip-dst', value: '203.0.113.9' },
      { type: 'ip-dst|port', value: '203.0.113.20|443' },
    ],
  })
  return store
}
