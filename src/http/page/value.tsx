/** The box that takes any value and tells all that is known of it. */
import { useEffect, useRef } from 'preact/hooks'
import { Foreign } from './foreign.js'
import { type Fresh, type Listener, useFresh } from './fresh.js'
import { State, type StateProps } from './freshness.js'
import { Indicator } from './indicator.js'
import { Moment } from './moment.js'
import type { Go } from './use-view.js'
import type { Explanation, HitPage } from './wire.js'

export interface ValueProps {
  /** Empty: nothing was asked. */
  readonly value: string
  readonly go: Go
  readonly listener: Listener
  announce(text: string): void
}

const EVERY_SECONDS = 30
/** Longer than any value that is one. */
const LONGEST = 8192

export function Value({ value, go, listener, announce }: ValueProps) {
  const input = useRef<HTMLInputElement>(null)
  const question = (path: string, given: Record<string, string>) =>
    value === '' ? null : { path, given, every: EVERY_SECONDS }
  const known = useFresh<Explanation>(question('/v1/explain', { value }), listener)
  const hits = useFresh<HitPage>(
    question('/v1/hits', { value, since: '90d', limit: String(MOST_HITS) }),
    listener,
  )

  useEffect(() => {
    if (input.current) input.current.value = value
  }, [value])
  // Behind a refusal stands the answer to an earlier question.
  const state = known.waiting || known.refused ? undefined : known.data?.state
  useEffect(() => {
    if (state) announce(`${value.slice(0, 100)}: ${STATES[state].word}`)
  }, [state, value])

  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    go({ ask: input.current?.value.trim() ?? '' })
  }
  return (
    <section aria-labelledby="value">
      <h2 id="value" class="unseen">
        One value
      </h2>
      <search>
        <form class="box" onSubmit={submit}>
          <label for="ask">Look up</label>
          <input
            id="ask"
            ref={input}
            type="search"
            maxLength={LONGEST}
            placeholder="any address, net, name, URL, hash ... defanged or not"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
          />
          <button type="submit">Look up</button>
          {value !== '' && (
            <button type="button" onClick={() => go({ ask: '' })}>
              Close
            </button>
          )}
        </form>
      </search>
      {value !== '' && <Answer value={value} known={known} hits={hits} go={go} />}
    </section>
  )
}

const MOST_HITS = 100

const STATES: Readonly<Record<Explanation['state'], StateProps>> = {
  live: { tone: 'bad', word: 'live' },
  held: { tone: 'warn', word: 'held' },
  expired: { tone: 'calm', word: 'expired' },
  revoked: { tone: 'calm', word: 'revoked' },
  set_aside: { tone: 'warn', word: 'set aside' },
  unknown: { tone: 'calm', word: 'unknown' },
}

interface AnswerProps {
  readonly value: string
  readonly known: Fresh<Explanation>
  readonly hits: Fresh<HitPage>
  readonly go: Go
}

function Answer({ value, known, hits, go }: AnswerProps) {
  const { data, refused, waiting } = known
  if (refused !== null) {
    return (
      <p role="alert" class="refusal">
        <Foreign text={refused.message} most={500} />
      </p>
    )
  }
  if (data === null || waiting) return <p class="answer">Looking up ...</p>
  return (
    <div class="answer">
      <p class="headline">
        <Foreign text={data.value} most={400} code /> <State {...STATES[data.state]} />
        <HitsOfIt value={value} hits={hits} go={go} />
      </p>
      {data.state === 'unknown' && <p>No source has it, and none had.</p>}
      {data.indicators.map((indicator) => (
        <Indicator
          key={`${indicator.kind} ${indicator.value} ${indicator.port}`}
          indicator={indicator}
        />
      ))}
      <SetAside of={data.set_aside} />
      <Holds of={data.holds} />
      <PolicyNow of={data.policy_now} />
    </div>
  )
}

function HitsOfIt({ value, hits, go }: Pick<AnswerProps, 'value' | 'hits' | 'go'>) {
  if (hits.data === null || hits.waiting) return null
  const { length } = hits.data.hits
  if (length === 0) return <span class="hint"> no hits in 90 days</span>
  const many = hits.data.next === null ? String(length) : `more than ${length}`
  const [newest] = hits.data.hits
  return (
    <span class="hint">
      {' '}
      {many} {many === '1' ? 'hit' : 'hits'} in 90 days, the last one{' '}
      <Moment at={newest?.first ?? null} />{' '}
      <button type="button" class="small" onClick={() => go({ value, time: '90d' })}>
        Show its hits
      </button>
    </span>
  )
}

function SetAside({ of }: { of: Explanation['set_aside'] }) {
  if (of.length === 0) return null
  return (
    <ul class="plain">
      {of.map(({ attribute_uuid, source, event, event_uuid, type, reason }) => (
        <li key={attribute_uuid}>
          Set aside: <Foreign text={source} most={40} /> event{' '}
          <Foreign text={event || event_uuid} most={40} />, <Foreign text={type} most={60} code />:{' '}
          <Foreign text={reason} most={300} />
        </li>
      ))}
    </ul>
  )
}

function Holds({ of }: { of: Explanation['holds'] }) {
  const held = of.filter(({ ended_at }) => ended_at === null)
  if (held.length === 0) return null
  return (
    <ul class="plain">
      {held.map(({ id, author, why, at, until }) => (
        <li key={id}>
          Held by hand since <Moment at={at} /> by <Foreign text={author} most={80} />
          {until !== null && (
            <>
              {' '}
              until <Moment at={until} />
            </>
          )}
          : <Foreign text={why} most={500} />
        </li>
      ))}
    </ul>
  )
}

function PolicyNow({ of }: { of: Explanation['policy_now'] }) {
  if (of.length === 0) return null
  return (
    <ul class="plain">
      {of.map(({ space, value, attribute_uuid, held }) => (
        <li key={`${space} ${value} ${attribute_uuid}`}>
          <Foreign text={`${space} ${value}`} code />:{' '}
          {attribute_uuid === null
            ? 'if a source brought it now, it would be '
            : 'by the present config it is, from the next sync on, '}
          {held === null ? (
            'served'
          ) : (
            <>
              held by the rule {held.rule}: <Foreign text={held.reason} most={300} />
            </>
          )}
        </li>
      ))}
    </ul>
  )
}
