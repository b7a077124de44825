/** What flows met and is only counted, by indicator: floods, and contacts that nobody answered. */
import { EventLink } from './event-link.js'
import { Foreign } from './foreign.js'
import { type Listener, useFresh } from './fresh.js'
import { State } from './freshness.js'
import { Ask } from './hits-table.js'
import { Moment } from './moment.js'
import { Scrolling } from './scrolling.js'
import { bytes, number } from './times.js'
import type { CountedList } from './wire.js'

const EVERY_SECONDS = 60
const MOST = 100

export interface CountedProps {
  readonly listener: Listener
  /** Looks a value up in the box. */
  onAsk(value: string): void
}

export function Counted({ listener, onAsk }: CountedProps) {
  const given = { since: '24h', limit: String(MOST) }
  const { data, refused } = useFresh<CountedList>(
    { path: '/v1/hits/counted', given, every: EVERY_SECONDS },
    listener,
  )
  if (refused !== null) {
    return (
      <p role="alert" class="refusal">
        What is counted can not be told: <Foreign text={refused.message} most={500} />
      </p>
    )
  }
  if (data === null) return <p>Asking ...</p>
  return (
    <>
      <Scrolling name="Only counted" low>
        <table>
          <thead>
            <tr>
              <th scope="col">Why</th>
              <th scope="col">Indicator</th>
              <th scope="col" class="amount">
                Flows
              </th>
              <th scope="col" class="amount">
                Bytes
              </th>
              <th scope="col">First</th>
              <th scope="col">Last</th>
              <th scope="col">Event</th>
              <th scope="col">Source</th>
            </tr>
          </thead>
          <tbody>
            {data.counted.map((counted) => (
              <CountedRow key={keyOf(counted)} counted={counted} onAsk={onAsk} />
            ))}
          </tbody>
        </table>
      </Scrolling>
      {data.counted.length === MOST && (
        <p class="hint">These are the first {MOST}; tipline hits --counted tells all.</p>
      )}
    </>
  )
}

type Row = CountedList['counted'][number]

function keyOf({ why, event, attribute }: Row): string {
  return JSON.stringify([why, event.source, attribute.uuid])
}

function CountedRow({ counted, onAsk }: { counted: Row; onAsk: (value: string) => void }) {
  const { why, indicator, event, flows, first, last } = counted
  return (
    <tr>
      <td>
        {why === 'flood' ? (
          <State tone="bad" word="flood" />
        ) : (
          <State tone="calm" word="unanswered" />
        )}
      </td>
      <td>
        <Ask value={indicator.value} onAsk={onAsk} />
      </td>
      <td class="amount">{number(flows)}</td>
      <td class="amount">{bytes(counted.bytes)}</td>
      <td class="when">
        <Moment at={first} />
      </td>
      <td class="when">
        <Moment at={last} />
      </td>
      <td class="wide">
        <EventLink {...event} />
      </td>
      <td>
        <Foreign text={event.source} most={40} />
      </td>
    </tr>
  )
}
