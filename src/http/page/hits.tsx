/** The hits: filters, the chart, the table, page by page. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { View } from './address.js'
import type { Parameters } from './client.js'
import { Filters } from './filters.js'
import { Foreign } from './foreign.js'
import { type Fresh, type Listener, useFresh } from './fresh.js'
import { HitsTable } from './hits-table.js'
import type { Theme } from './prefs.js'
import { Timeline } from './timeline.js'
import { count } from './times.js'
import { useNow } from './use-now.js'
import type { Go } from './use-view.js'
import { wholeSteps } from './window.js'
import type { HitPage, HitsOverTime } from './wire.js'

export interface HitsProps {
  readonly view: View
  readonly go: Go
  readonly sources: readonly string[]
  readonly mayMark: boolean
  readonly theme: Theme
  readonly listener: Listener
  /** Said to whoever listens instead of looking. */
  announce(text: string): void
}

const EVERY_SECONDS = 15
const PAGE = 50

export function Hits({ view, go, sources, mayMark, theme, listener, announce }: HitsProps) {
  const { from, to, step } = wholeSteps(view.time, useNow(EVERY_SECONDS))
  const filter = filterOf(view, { from, to })
  const bars = useFresh<HitsOverTime>(
    {
      path: '/v1/hits/over-time',
      given: { ...filter, buckets: String(Math.round((to - from) / step)) },
      every: EVERY_SECONDS,
    },
    listener,
  )
  return (
    <section aria-labelledby="hits">
      <h2 id="hits">Hits</h2>
      <Filters view={view} sources={sources} go={go} />
      {bars.data && (
        <Timeline
          answer={bars.data}
          step={step}
          theme={theme}
          onZoom={(window) => go({ time: window })}
          onReset={() => go({ time: '24h' })}
        />
      )}
      <Pages
        // Other filters: from the first page again.
        key={JSON.stringify([view.value, view.event, view.source, view.kind, view.way, view.time])}
        filter={filter}
        mayMark={mayMark}
        listener={listener}
        announce={announce}
        onAsk={(value) => go({ ask: value })}
      />
    </section>
  )
}

function filterOf(
  { value, event, source, kind, way }: View,
  { from, to }: { from: number; to: number },
): Parameters {
  const iso = (at: number) => new Date(at * 1000).toISOString()
  return { since: iso(from), until: iso(to), value, event, source, kind, way }
}

interface PagesProps extends Pick<HitsProps, 'mayMark' | 'listener' | 'announce'> {
  readonly filter: Parameters
  onAsk(value: string): void
}

function Pages({ filter, listener, announce, ...rest }: PagesProps) {
  // Cursors of the pages from the second one to this.
  const [cursors, setCursors] = useState<readonly string[]>([])
  const [still, setStill] = useState(false)
  const first = cursors.length === 0
  const given = { ...filter, limit: String(PAGE), cursor: cursors.at(-1) ?? '' }
  const page = useFresh<HitPage>(
    { path: '/v1/hits', given, every: first && !still ? EVERY_SECONDS : null },
    listener,
  )
  useNews({ page, first, announce })
  const turn = (to: readonly string[]) => {
    setCursors(to)
    announce(`Page ${to.length + 1}`)
  }
  if (page.data === null) return <Refusal of={page} />
  const { hits, next } = page.data
  return (
    <div aria-busy={page.waiting} class={page.waiting ? 'waiting' : ''}>
      <Refusal of={page} />
      {hits.length === 0 ? (
        <p class="none">No hits in this time with these filters.</p>
      ) : (
        <HitsTable
          hits={hits}
          onOpen={setStill}
          onMarked={(marked) => {
            page.again()
            announce(marked ? 'Marked as a false positive.' : 'The mark is taken back.')
          }}
          {...rest}
        />
      )}
      <nav class="bar" aria-label="Pages of hits">
        <button type="button" disabled={first} onClick={() => turn([])}>
          Newest
        </button>
        <button type="button" disabled={first} onClick={() => turn(cursors.slice(0, -1))}>
          Newer
        </button>
        <button
          type="button"
          disabled={next === null}
          onClick={() => next !== null && turn([...cursors, next])}
        >
          Older
        </button>
        <span class="hint">
          Page {cursors.length + 1}, {count(hits.length, 'hit')}
          {next === null ? '' : ', and there are older ones'}
        </span>
      </nav>
    </div>
  )
}

/** Tells of hits that came while the newest ones were shown. */
function useNews({
  page,
  first,
  announce,
}: {
  page: Fresh<HitPage>
  first: boolean
  announce: (text: string) => void
}) {
  const seen = useRef<ReadonlySet<string> | null>(null)
  useEffect(() => {
    if (page.data === null || page.waiting) return
    const ids = page.data.hits.map(({ id }) => id)
    const known = seen.current
    seen.current = first ? new Set(ids) : null
    const fresh = known === null || !first ? 0 : ids.filter((id) => !known.has(id)).length
    if (fresh > 0) announce(count(fresh, 'new hit'))
  }, [page.data])
}

function Refusal({ of: { refused } }: { of: Fresh<unknown> }) {
  if (refused === null) return null
  return (
    <p role="alert" class="refusal">
      Hits can not be told: <Foreign text={refused.message} most={500} />
    </p>
  )
}
