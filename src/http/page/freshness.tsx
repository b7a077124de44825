/** Is everything fresh: each source, each sink, and what needs a hand. */
import { Foreign } from './foreign.js'
import { Moment } from './moment.js'
import { Scrolling } from './scrolling.js'
import { bytes, count, duration, number, secondsBetween } from './times.js'
import type { Status } from './wire.js'

type Source = Status['sources'][number]
type Sink = Status['sinks'][number]

export function Freshness({ status }: { status: Status }) {
  return (
    <section aria-labelledby="freshness">
      <h2 id="freshness">Freshness</h2>
      <Problems problems={status.problems} />
      <div class="pair">
        <Sources status={status} />
        <Sinks status={status} />
      </div>
      <Amounts status={status} />
    </section>
  )
}

function Problems({ problems }: { problems: Status['problems'] }) {
  if (problems.length === 0) return null
  return (
    <ul class="problems" aria-label="Problems">
      {problems.map(({ what, hint }) => (
        <li key={what}>
          <strong>
            <Foreign text={what} most={500} />
          </strong>
          <span class="hint">
            <Foreign text={hint} most={500} />
          </span>
        </li>
      ))}
    </ul>
  )
}

function Sources({ status }: { status: Status }) {
  return (
    <Scrolling name="Sources">
      <table>
        <caption>Sources</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Last good sync</th>
            <th scope="col" class="amount">
              Events
            </th>
            <th scope="col" class="amount">
              Attributes
            </th>
            <th scope="col" class="amount">
              Set aside
            </th>
          </tr>
        </thead>
        <tbody>
          {status.sources.map((source) => (
            <SourceRow key={source.name} source={source} now={status.at} />
          ))}
        </tbody>
      </table>
    </Scrolling>
  )
}

function SourceRow({ source, now }: { source: Source; now: string | null }) {
  const state = sourceState(source)
  return (
    <tr>
      <th scope="row">
        <Foreign text={source.name} most={40} />
      </th>
      <td>
        <State {...state} />
      </td>
      <td>
        <Ago at={source.last_good_sync} now={now} />
      </td>
      <td class="amount">{number(source.events)}</td>
      <td class="amount">{number(source.attributes)}</td>
      <td class="amount">{number(source.set_aside)}</td>
    </tr>
  )
}

function sourceState({ frozen, in_config, last_good_sync }: Source): StateProps {
  if (frozen) return { tone: 'bad', word: 'frozen' }
  if (!in_config) return { tone: 'warn', word: 'not in the config' }
  if (last_good_sync === null) return { tone: 'bad', word: 'never read' }
  return { tone: 'good', word: 'followed' }
}

function Sinks({ status }: { status: Status }) {
  return (
    <Scrolling name="Sinks">
      <table>
        <caption>Sinks</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Last written</th>
            <th scope="col" class="amount">
              Changes behind
            </th>
            <th scope="col" class="amount">
              Set aside
            </th>
          </tr>
        </thead>
        <tbody>
          {status.sinks.map((sink) => (
            <SinkRow key={sink.name} sink={sink} now={status.at} />
          ))}
          {status.sinks.length === 0 && (
            <tr>
              <td colSpan={5}>The config has none.</td>
            </tr>
          )}
        </tbody>
      </table>
    </Scrolling>
  )
}

function SinkRow({ sink, now }: { sink: Sink; now: string | null }) {
  return (
    <tr>
      <th scope="row">
        <Foreign text={sink.name} most={40} />
      </th>
      <td>
        <State {...sinkState(sink)} />
      </td>
      <td>
        <Ago at={sink.written_at} now={now} />
      </td>
      <td class="amount">{number(sink.lag)}</td>
      <td class="amount">{number(sink.set_aside)}</td>
    </tr>
  )
}

function sinkState({ cursor, lag }: Sink): StateProps {
  if (cursor === null) return { tone: 'bad', word: 'never written' }
  return lag === 0 ? { tone: 'good', word: 'current' } : { tone: 'warn', word: 'behind' }
}

export interface StateProps {
  readonly tone: 'good' | 'warn' | 'bad' | 'calm'
  readonly word: string
}

/** A colour, and a word and a shape for whoever doesn't see it. */
export function State({ tone, word }: StateProps) {
  return <span class={`state ${tone}`}>{word}</span>
}

/** How long ago that was, as of `now`; ISO 8601. */
export function Ago({ at, now }: { at: string | null; now: string | null }) {
  if (at === null) return <>never</>
  if (now === null) return <Moment at={at} />
  return <Moment at={at} words={`${duration(secondsBetween(at, now))} ago`} />
}

function Amounts({ status }: { status: Status }) {
  const { live, held, holds, ledger } = status
  const keys = Object.values(live).reduce((sum, n) => sum + n, 0)
  const reasons = Object.entries(held)
  const withheld = reasons.reduce((sum, [, n]) => sum + n, 0)
  return (
    <dl class="amounts">
      <Amount name="Live" text={count(keys, 'lookup key')} of={Object.entries(live)} />
      <Amount name="Held" text={number(withheld)} of={reasons} />
      <Amount name="Held by hand" text={number(holds.length)} of={[]} />
      <Amount name="Ledger" text={bytes(ledger.bytes)} of={[]} />
    </dl>
  )
}

interface AmountProps {
  readonly name: string
  readonly text: string
  readonly of: readonly (readonly [string, number])[]
}

function Amount({ name, text, of }: AmountProps) {
  const parts = of.filter(([, n]) => n > 0).map(([part, n]) => `${part} ${number(n)}`)
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {text}
        {parts.length > 0 && <span class="parts"> ({parts.join(', ')})</span>}
      </dd>
    </div>
  )
}
