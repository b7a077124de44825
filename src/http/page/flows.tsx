/** Flows: whether they come, whether they are matched, how far back was looked, what is only counted. */
import { useState } from 'preact/hooks'
import { Counted } from './counted.js'
import { Foreign } from './foreign.js'
import type { Listener } from './fresh.js'
import { Ago, State, type StateProps } from './freshness.js'
import { Fact } from './hit-details.js'
import { Moment } from './moment.js'
import { Scrolling } from './scrolling.js'
import { count, number } from './times.js'
import type { Status } from './wire.js'

type Told = NonNullable<Status['flows']>

export interface FlowsProps {
  /** null: ClickHouse could not be asked. */
  readonly flows: Told | null
  /** ISO 8601: when that was so. */
  readonly now: string | null
  readonly listener: Listener
  /** Looks a value up in the box. */
  onAsk(value: string): void
}

export function Flows({ flows, now, listener, onAsk }: FlowsProps) {
  return (
    <section aria-labelledby="flows">
      <h2 id="flows">Flows</h2>
      {flows === null ? (
        <p>
          <State tone="bad" word="unknown" /> ClickHouse can not be asked; the problems above tell
          why.
        </p>
      ) : (
        <>
          <dl class="facts panel">
            <Fact name="Matching">
              <Matching flows={flows} now={now} />
            </Fact>
            <Fact name="Newest flow">
              {flows.newest_flow === null ? 'none' : <Ago at={flows.newest_flow} now={now} />}
            </Fact>
            <Fact name="Looked for">
              <Past looked={flows.looked_for} />
            </Fact>
            <Fact name="Files">
              <Files flows={flows} />
            </Fact>
            <Fact name="Last file">
              <LastFile file={flows.last_file} now={now} />
            </Fact>
            <Fact name="Engine">
              <Foreign text={flows.engine.name} most={80} /> {flows.engine.version}
            </Fact>
          </dl>
          <Unmatched gaps={flows.gaps} />
          <OnlyCounted flows={flows} listener={listener} onAsk={onAsk} />
        </>
      )}
    </section>
  )
}

function Matching({ flows, now }: { flows: Told; now: string | null }) {
  const { live_since, last_in_place, detached_since } = flows
  return (
    <>
      <State {...matchingState(flows)} />
      {live_since !== null && (
        <>
          {' '}
          since <Moment at={live_since} />
        </>
      )}
      {detached_since !== null && (
        <>
          {' '}
          since <Moment at={detached_since} />
        </>
      )}
      {detached_since === null && last_in_place !== null && (
        <span class="hint">
          , made sure of <Ago at={last_in_place} now={now} />
        </span>
      )}
    </>
  )
}

function matchingState({ live_matching, detached_since }: Told): StateProps {
  if (live_matching) return { tone: 'good', word: 'as they come' }
  return { tone: 'bad', word: detached_since === null ? 'off' : 'detached' }
}

function Past({ looked }: { looked: Told['looked_for'] }) {
  if (looked === null || looked.indicators === 0) return <>no indicator yet</>
  const { indicators, never, back_to } = looked
  if (back_to === null) {
    return <State tone="warn" word={`${count(indicators, 'indicator')} in no flow of the past`} />
  }
  return (
    <>
      {count(indicators - never, 'indicator')} back to <Moment at={back_to} />
      {never > 0 && (
        <>
          {' '}
          <State tone="warn" word={`${number(never)} not yet`} />
        </>
      )}
    </>
  )
}

function Files({ flows }: { flows: Told }) {
  const { imported, waiting, set_aside, last_set_aside } = flows
  return (
    <>
      {number(imported)} imported, {number(waiting)} waiting, {number(set_aside)} set aside
      {last_set_aside !== null && (
        <span class="hint">
          , the last one <Foreign text={last_set_aside.path} most={200} code />:{' '}
          <Foreign text={last_set_aside.reason} most={300} />
        </span>
      )}
    </>
  )
}

function LastFile({ file, now }: { file: Told['last_file']; now: string | null }) {
  if (file === null) return <>none</>
  return (
    <>
      <Foreign text={file.path} most={200} code />
      <span class="hint">
        , {count(file.flows, 'flow')}, label <Foreign text={file.flowsrc} most={40} />,{' '}
        <Ago at={file.at} now={now} />
      </span>
    </>
  )
}

const MOST_GAPS = 20

/** A backscan makes up for them; until then nobody knows what they met. */
function Unmatched({ gaps }: { gaps: Told['gaps'] }) {
  if (gaps.length === 0) return null
  const more = gaps.length - MOST_GAPS
  return (
    <>
      <Scrolling name="Flows that came unmatched">
        <table>
          <caption>
            <State tone="warn" word="Came unmatched" />, until a backscan makes up for it
          </caption>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {gaps.slice(0, MOST_GAPS).map(({ from, to, why }) => (
              <tr key={`${from} ${to} ${why}`}>
                <td class="when">
                  <Moment at={from} />
                </td>
                <td class="when">
                  <Moment at={to} />
                </td>
                <td>
                  <Foreign text={why} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolling>
      {more > 0 && <p>and {count(more, 'more stretch', 'more stretches')} of time</p>}
    </>
  )
}

interface OnlyCountedProps extends Pick<FlowsProps, 'listener' | 'onAsk'> {
  readonly flows: Told
}

/** Said in one line; which indicators they are is asked for when somebody wants to know. */
function OnlyCounted({ flows: { counted }, listener, onAsk }: OnlyCountedProps) {
  const [open, setOpen] = useState(false)
  if (counted.length === 0) return null
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Only counted in the last 24 hours:{' '}
        {counted
          .map(({ why, flows, indicators }) => {
            const of = `of ${count(indicators, 'indicator')}`
            return why === 'flood'
              ? `${count(flows, 'flow')} beyond max_hits, ${of}`
              : `${count(flows, 'contact')} that nobody answered, ${of}`
          })
          .join('; ')}
      </summary>
      {open && <Counted listener={listener} onAsk={onAsk} />}
    </details>
  )
}
