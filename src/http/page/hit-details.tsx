/** All that is known of one hit, and the form that calls it false. */
import type { ComponentChildren } from 'preact'
import { tell } from './client.js'
import { Foreign } from './foreign.js'
import { Moment } from './moment.js'
import { bytes, count } from './times.js'
import { useSending } from './use-sending.js'
import type { Hit } from './wire.js'

export interface HitDetailsProps {
  readonly hit: Hit
  readonly mayMark: boolean
  /** Marked as a false positive, or unmarked. */
  onMarked(marked: boolean): void
}

export function HitDetails({ hit, mayMark, onMarked }: HitDetailsProps) {
  const { attribute, event, flow, fields, label } = hit
  return (
    <>
      <dl class="facts">
        <Fact name="First">
          <Moment at={hit.first} />
        </Fact>
        <Fact name="Last">
          <Moment at={hit.last} />
        </Fact>
        <Fact name="Written down">
          <Moment at={hit.recorded} />
        </Fact>
        <Fact name="Field">
          <Foreign text={hit.field} code />
        </Fact>
        {label !== '' && (
          <Fact name="Seen at">
            <Foreign text={label} />
          </Fact>
        )}
        {flow !== null && (
          <Fact name="Flow">
            {hit.role}, port {flow.port}, {count(flow.packets, 'packet')}, {bytes(flow.bytes)},{' '}
            {
              { yes: 'answered', no: 'unanswered', unknown: 'not known whether answered' }[
                hit.answered
              ]
            }
          </Fact>
        )}
        <Fact name="Attribute">
          <Foreign text={attribute.type} code /> <Foreign text={attribute.uuid} code />
        </Fact>
        <Fact name="Event">
          <Foreign text={event.uuid} code /> <Foreign text={event.info} most={2000} />
        </Fact>
        {Object.entries(fields).map(([name, texts]) => (
          <Fact key={name} name={<Foreign text={name} most={80} code />}>
            <Foreign text={texts.join(', ')} most={500} code />
          </Fact>
        ))}
      </dl>
      <Marking hit={hit} mayMark={mayMark} onMarked={onMarked} />
    </>
  )
}

export function Fact({ name, children }: { name: ComponentChildren; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Marking({ hit, mayMark, onMarked }: HitDetailsProps) {
  const mark = hit.false_positive
  if (mark !== null) {
    return (
      <>
        <p>
          Marked as a false positive by <Foreign text={mark.by} most={80} />,{' '}
          <Moment at={mark.at} />
          {mark.why !== '' && ': '}
          <Foreign text={mark.why} most={1000} />
        </p>
        {mayMark && <UnmarkForm id={hit.id} onDone={() => onMarked(false)} />}
      </>
    )
  }
  if (!mayMark)
    return <p class="hint">To mark it as a false positive takes a token that may operate.</p>
  return <MarkForm id={hit.id} onDone={() => onMarked(true)} />
}

interface FormProps {
  readonly id: string
  onDone(): void
}

function MarkForm({ id, onDone }: FormProps) {
  const { state, send } = useSending(async (form) => {
    const why = String(new FormData(form).get('why') ?? '').trim()
    await tell('POST', markOf(id), { why })
    onDone()
  })
  return (
    <form class="mark" onSubmit={send}>
      <label>
        Why it is a false positive{' '}
        <input name="why" maxLength={1000} size={40} autocomplete="off" />
      </label>
      <button type="submit" disabled={state === 'sending'}>
        Mark as false positive
      </button>
      {state instanceof Error && <span role="alert">It was not marked: {state.message}</span>}
    </form>
  )
}

function UnmarkForm({ id, onDone }: FormProps) {
  const { state, send } = useSending(async () => {
    await tell('DELETE', markOf(id))
    onDone()
  })
  return (
    <form class="mark" aria-label="Mark" onSubmit={send}>
      <button type="submit" disabled={state === 'sending'}>
        Unmark
      </button>
      <span class="hint">What a MISP has been told stays there.</span>
      {state instanceof Error && <span role="alert">It was not unmarked: {state.message}</span>}
    </form>
  )
}

function markOf(id: string): string {
  return `/v1/hits/${encodeURIComponent(id)}/false-positive`
}
