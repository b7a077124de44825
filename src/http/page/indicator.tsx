/** One indicator that a value meets: since when, why, from which events, in which sinks, what it was. */
import { EventLink } from './event-link.js'
import { Foreign } from './foreign.js'
import { State } from './freshness.js'
import { Moment } from './moment.js'
import { Scrolling } from './scrolling.js'
import { count } from './times.js'
import type { Explanation } from './wire.js'

type Known = Explanation['indicators'][number]
type Carrier = Known['carriers'][number]
type Interval = Known['history'][number]

const MOST_CARRIERS = 50
const MOST_INTERVALS = 20

export function Indicator({ indicator }: { indicator: Known }) {
  const { kind, value, port, via, state, carriers, history, sinks } = indicator
  const tone = { live: 'bad', held: 'warn', expired: 'calm', revoked: 'calm' } as const
  const more = carriers.length - MOST_CARRIERS
  return (
    <article class="indicator" aria-label={`${kind} ${state}`}>
      <h3>
        <span class="kind">{kind}</span> <Foreign text={value} most={400} code />
        {port !== undefined && <> port {port}</>} <State tone={tone[state]} word={state} />
        <span class="hint">
          {' '}
          <Since indicator={indicator} />
          {VIA[via]}
        </span>
      </h3>
      {carriers.length > 0 && <Carriers carriers={carriers.slice(0, MOST_CARRIERS)} />}
      {more > 0 && <p>and {count(more, 'more attribute')}</p>}
      {sinks.length > 0 && (
        <p>
          Sinks:{' '}
          {sinks.map(({ name, state: at }, index) => (
            <span key={name}>
              {index > 0 && ', '}
              <Foreign text={name} most={40} /> {at}
            </span>
          ))}
        </p>
      )}
      {history.length > 0 && (
        <ul class="plain" aria-label="History">
          {history.slice(-MOST_INTERVALS).map((interval) => (
            <HistoryLine key={`${interval.from} ${interval.until}`} interval={interval} />
          ))}
        </ul>
      )}
    </article>
  )
}

const VIA: Readonly<Record<Known['via'], string>> = {
  exact: '',
  net: ', a net that holds the address',
  name: ', its host or a domain above',
}

function Since({ indicator }: { indicator: Known }) {
  const { live_since, known_since, state, history } = indicator
  const last = history.at(-1)
  if (live_since !== null) {
    return (
      <>
        since <Moment at={live_since} />
      </>
    )
  }
  if (state === 'held') {
    return (
      <>
        since <Moment at={last?.until ?? known_since} />
      </>
    )
  }
  if (last === undefined) return <>it was never live</>
  return (
    <>
      since <Moment at={last.until} />: {causeOf(last.why)}
    </>
  )
}

function Carriers({ carriers }: { carriers: readonly Carrier[] }) {
  return (
    <Scrolling name="Events that carry it">
      <table>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Source</th>
            <th scope="col">Organisation</th>
            <th scope="col">Type</th>
            <th scope="col">Since</th>
            <th scope="col">Tags</th>
            <th scope="col">Served</th>
          </tr>
        </thead>
        <tbody>
          {carriers.map((carrier) => (
            <CarrierRow key={`${carrier.source} ${carrier.attribute_uuid}`} carrier={carrier} />
          ))}
        </tbody>
      </table>
    </Scrolling>
  )
}

function CarrierRow({ carrier }: { carrier: Carrier }) {
  const { event, event_uuid, event_info, link, tags, labels } = carrier
  return (
    <tr>
      <td class="wide">
        <EventLink id={event} uuid={event_uuid} info={event_info} link={link} />
        {!carrier.event_published && <span class="flag">unpublished now</span>}
      </td>
      <td>
        <Foreign text={carrier.source} most={40} />
        {!carrier.source_in_config && <span class="flag">not in the config</span>}
      </td>
      <td>
        <Foreign text={carrier.organisation} most={60} />
      </td>
      <td>
        <Foreign text={carrier.type} most={60} code />
      </td>
      <td class="when">
        <Moment at={carrier.since} />
      </td>
      <td>
        {tags.map((tag) => (
          <span key={tag} class="tag">
            <Foreign text={tag} most={60} />
          </span>
        ))}
        {labels.map((label) => (
          <span key={label} class="tag" title="a list it stands on">
            <Foreign text={label} most={60} />
          </span>
        ))}
      </td>
      <td>{carrier.held === null ? 'yes' : <Held held={carrier.held} />}</td>
    </tr>
  )
}

function Held({ held: { rule, why } }: { held: NonNullable<Carrier['held']> }) {
  return (
    <>
      held by {rule === 'hand' ? 'hand' : `the rule ${rule}`}: <Foreign text={why} most={300} />
    </>
  )
}

function HistoryLine({
  interval: { from, until, why, last_carried_by: by },
}: {
  interval: Interval
}) {
  return (
    <li>
      Was live <Moment at={from} /> to <Moment at={until} />: {causeOf(why)}
      {by?.source !== undefined && (
        <span class="hint">
          {' '}
          (<Foreign text={by.source} most={40} /> event{' '}
          <Foreign text={by.event || by.event_uuid || ''} most={40} />)
        </span>
      )}
    </li>
  )
}

/** The ledger's causes, for people. */
const CAUSES: Readonly<Record<string, string>> = {
  deleted: 'the source deleted it',
  to_ids: 'the source no longer marks it for detection (to_ids)',
  tag: 'a tag now excludes it',
  absent: 'it vanished from the source',
  expired: 'it left the time window that is asked for',
  filter: 'the filters exclude its type now',
  changed: 'its attribute was changed',
  'source forgotten': 'its source was forgotten',
}

function causeOf(why: string): string {
  return Object.hasOwn(CAUSES, why) ? (CAUSES[why] as string) : why
}
