/** Hits over time: a chart with a brush, and the same as a table. */
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import type { Window } from './address.js'
import { type Bar, Chart, LAYERS, type Layer, type Shown } from './chart.js'
import { Moment, ZoneContext } from './moment.js'
import type { Theme } from './prefs.js'
import { Scrolling } from './scrolling.js'
import { count, momentIn, number } from './times.js'
import { brushed } from './window.js'
import type { HitsOverTime } from './wire.js'

export interface TimelineProps {
  readonly answer: HitsOverTime
  /** Seconds of one bar. */
  readonly step: number
  readonly theme: Theme
  onZoom(window: Window): void
  onReset(): void
}

export function Timeline({ answer, step, theme, onZoom, onReset }: TimelineProps) {
  const shown = shownOf(answer)
  const [pointed, setPointed] = useState<Bar | null>(null)
  const total = sumOf(shown.bars)
  return (
    <figure class="timeline" aria-labelledby="timeline-told">
      <figcaption>
        <span id="timeline-told" class="unseen">
          Hits over time: {count(total.live + total.backscan + total.log, 'hit')}
        </span>
        <Legend of={pointed ?? total} />
        <span class="hint">
          {pointed ? <BarTime bar={pointed} /> : 'Drag over the chart to zoom.'}
        </span>
      </figcaption>
      <Canvas
        answer={answer}
        theme={theme}
        onBrush={(ends) => onZoom(brushed(ends, step))}
        onReset={onReset}
        onPoint={setPointed}
      />
      <AsTable bars={shown.bars} onZoom={onZoom} />
    </figure>
  )
}

function shownOf({ since, until, buckets }: HitsOverTime): Shown {
  const end = seconds(until)
  return {
    window: { from: seconds(since), to: end },
    bars: buckets.map(({ from, ...hits }, n) => {
      const next = buckets[n + 1]
      return { from: seconds(from), to: next ? seconds(next.from) : end, ...hits }
    }),
  }
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000
}

function sumOf(bars: readonly Bar[]): Record<Layer, number> {
  const sum = (layer: Layer) => bars.reduce((total, bar) => total + bar[layer], 0)
  return { live: sum('live'), backscan: sum('backscan'), log: sum('log') }
}

function Legend({ of }: { of: Readonly<Record<Layer, number>> }) {
  return (
    <ul class="legend">
      {LAYERS.map(({ key, name }) => (
        <li key={key}>
          <span class={`swatch ${key}`} aria-hidden="true" />
          {name} <b>{number(of[key])}</b>
        </li>
      ))}
    </ul>
  )
}

function BarTime({ bar }: { bar: Bar }) {
  const zone = useContext(ZoneContext)
  const words = (at: number) => momentIn(new Date(at * 1000), zone)
  return (
    <>
      {words(bar.from)} to {words(bar.to)}
    </>
  )
}

interface CanvasProps {
  readonly answer: HitsOverTime
  readonly theme: Theme
  onBrush(ends: readonly [number, number]): void
  onReset(): void
  onPoint(bar: Bar | null): void
}

/** For the eye and the pointer alone: all that it shows stands in the table too. */
function Canvas({ answer, theme, ...handlers }: CanvasProps) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<Chart | null>(null)
  const latest = useRef(handlers)
  latest.current = handlers
  const zone = useContext(ZoneContext)
  const dark = useDark()

  useEffect(() => {
    if (!place.current) return
    const drawn = new Chart(place.current, shownOf(answer), {
      zone,
      onBrush: (ends) => latest.current.onBrush(ends),
      onReset: () => latest.current.onReset(),
      onPoint: (bar) => latest.current.onPoint(bar),
    })
    chart.current = drawn
    return () => {
      chart.current = null
      drawn.close()
    }
    // A new answer is shown by the effect below.
  }, [zone, theme, dark])

  useEffect(() => chart.current?.show(shownOf(answer)), [answer])

  return <div class="canvas" ref={place} aria-hidden="true" />
}

/** What the system says; it may change at dusk. */
function useDark(): boolean {
  const [dark, setDark] = useState(() => matchMedia(DARK).matches)
  useEffect(() => {
    const query = matchMedia(DARK)
    const follow = () => setDark(query.matches)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [])
  return dark
}

const DARK = '(prefers-color-scheme: dark)'

function AsTable({ bars, onZoom }: { bars: readonly Bar[]; onZoom: (window: Window) => void }) {
  const filled = bars.filter((bar) => LAYERS.some(({ key }) => bar[key] > 0))
  return (
    <details>
      <summary>The chart as a table</summary>
      {filled.length === 0 ? (
        <p>There are no hits in this time.</p>
      ) : (
        <Scrolling name="Hits over time" low>
          <table>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col">To</th>
                {LAYERS.map(({ key, name }) => (
                  <th key={key} scope="col" class="amount">
                    {name}
                  </th>
                ))}
                <th scope="col">
                  <span class="unseen">Zoom</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {filled.map((bar) => (
                <BarRow key={bar.from} bar={bar} onZoom={onZoom} />
              ))}
            </tbody>
          </table>
        </Scrolling>
      )}
    </details>
  )
}

function BarRow({ bar, onZoom }: { bar: Bar; onZoom: (window: Window) => void }) {
  const iso = (at: number) => new Date(at * 1000).toISOString()
  return (
    <tr>
      <td>
        <Moment at={iso(bar.from)} />
      </td>
      <td>
        <Moment at={iso(bar.to)} />
      </td>
      {LAYERS.map(({ key }) => (
        <td key={key} class="amount">
          {number(bar[key])}
        </td>
      ))}
      <td>
        <button type="button" class="small" onClick={() => onZoom({ from: bar.from, to: bar.to })}>
          Zoom
        </button>
      </td>
    </tr>
  )
}
