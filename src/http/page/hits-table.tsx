/** Hits as rows, the newest first. */
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { EventLink } from './event-link.js'
import { Foreign } from './foreign.js'
import { HitDetails } from './hit-details.js'
import { Moment } from './moment.js'
import { Scrolling } from './scrolling.js'
import { cut } from './text.js'
import type { Hit } from './wire.js'

export interface HitsTableProps {
  readonly hits: readonly Hit[]
  readonly mayMark: boolean
  /** Looks a value up in the box. */
  onAsk(value: string): void
  /** A row is open: the table keeps still. */
  onOpen(open: boolean): void
  /** Marked as a false positive, or unmarked. */
  onMarked(marked: boolean): void
}

export function HitsTable({ hits, onOpen, ...rest }: HitsTableProps) {
  const [open, setOpen] = useState<string | null>(null)
  const toggle = (id: string) => setOpen(open === id ? null : id)
  const isShown = hits.some(({ id }) => id === open)
  // A row that has gone, or the table with it, holds up no news.
  useEffect(() => {
    onOpen(isShown)
    return () => onOpen(false)
  }, [isShown])
  return (
    <Scrolling name="Hits">
      <table class="hits">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Met</th>
            <th scope="col">Inside</th>
            <th scope="col">Observable</th>
            <th scope="col">Indicator</th>
            <th scope="col">Event</th>
            <th scope="col">Source</th>
            <th scope="col">TLP</th>
            <th scope="col">
              <span class="unseen">Details</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {hits.map((hit) => (
            <HitRow key={hit.id} hit={hit} open={open === hit.id} toggle={toggle} {...rest} />
          ))}
        </tbody>
      </table>
    </Scrolling>
  )
}

interface HitRowProps extends Omit<HitsTableProps, 'hits' | 'onOpen'> {
  readonly hit: Hit
  readonly open: boolean
  toggle(id: string): void
}

function HitRow({ hit, open, toggle, mayMark, onAsk, onMarked }: HitRowProps) {
  const { id, event, indicator, observable, tlp } = hit
  const details = `details-${id}`
  return (
    <>
      <tr class={hit.false_positive || hit.stale ? 'hit faded' : 'hit'}>
        <td class="when">
          <Moment at={hit.first} />
        </td>
        <td>
          <span class={`way ${layerOf(hit)}`}>{wayWord(hit)}</span>
        </td>
        <td>
          <Inside hit={hit} />
        </td>
        <td>
          <Ask value={observable} onAsk={onAsk} />
          <Where hit={hit} />
        </td>
        <td>
          <span class="kind">
            <Foreign text={indicator.kind} most={20} />
          </span>{' '}
          {indicator.value === observable ? (
            <span class="same">the same</span>
          ) : (
            <Ask value={indicator.value} onAsk={onAsk} />
          )}
        </td>
        <td class="wide">
          <EventLink {...event} />
          <Flags hit={hit} />
        </td>
        <td class="nowrap">
          <Foreign text={event.source} most={40} />
        </td>
        <td class="nowrap">{tlp === null ? '' : <Foreign text={tlp} most={20} />}</td>
        <td>
          <button
            type="button"
            class="quiet"
            aria-expanded={open}
            aria-controls={open ? details : undefined}
            onClick={() => toggle(id)}
          >
            Details<span class="unseen"> of the hit on {cut(observable, 100)}</span>
          </button>
        </td>
      </tr>
      {open && (
        <tr class="details" id={details}>
          <td colSpan={9}>
            <HitDetails hit={hit} mayMark={mayMark} onMarked={onMarked} />
          </td>
        </tr>
      )}
    </>
  )
}

function layerOf({ way }: Hit): string {
  return way === 'live' || way === 'backscan' ? way : 'log'
}

function wayWord({ way }: Hit): string {
  return { live: 'live', backscan: 'backscan', enrich: 'log', api: 'log (API)' }[way]
}

function Inside({ hit: { inside, role } }: { hit: Hit }) {
  if (inside === null) return null
  const arrow = { outbound: '→', inbound: '←', unknown: '' }[role]
  return (
    <span class="nowrap">
      <Foreign text={inside.address} most={60} code />{' '}
      {inside.network !== null && <Foreign text={inside.network} most={40} />}
      {arrow !== '' && (
        <span class="role" role="img" aria-label={role} title={role}>
          {arrow}
        </span>
      )}
    </span>
  )
}

/** The port of a flow, the field of a line. */
function Where({ hit: { flow, field, kind } }: { hit: Hit }) {
  if (kind === 'log') return <Small>in {<Foreign text={field} most={60} />}</Small>
  return flow === null ? null : <Small>port {flow.port}</Small>
}

function Small({ children }: { children: ComponentChildren }) {
  return <span class="hint"> {children}</span>
}

/** A value that can be looked up by a click. */
export function Ask({ value, onAsk }: { value: string; onAsk: (value: string) => void }) {
  return (
    <button type="button" class="ask" onClick={() => onAsk(value)}>
      <span class="unseen">Look up </span>
      <Foreign text={value} most={80} code />
    </button>
  )
}

function Flags({ hit }: { hit: Hit }) {
  return (
    <>
      {hit.stale && (
        <span class="flag" title="Its attribute is served no longer.">
          stale
        </span>
      )}
      {hit.false_positive && <span class="flag">false positive</span>}
    </>
  )
}
