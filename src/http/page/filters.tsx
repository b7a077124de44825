/** Which hits are shown: a stretch of time, a value, an event, a source, and where they were met. */
import { useEffect, useRef } from 'preact/hooks'
import { SPANS, type Span, START, type View } from './address.js'
import { Moment } from './moment.js'
import type { Go } from './use-view.js'
import { beside, closer, wholeSteps, wider } from './window.js'

export interface FiltersProps {
  readonly view: View
  /** Names of sources. */
  readonly sources: readonly string[]
  readonly go: Go
}

export function Filters({ view, sources, go }: FiltersProps) {
  return (
    <div class="filters">
      <TimeControls view={view} go={go} />
      <HitFilters view={view} sources={sources} go={go} />
    </div>
  )
}

const SPAN_NAMES = Object.keys(SPANS) as Span[]

function TimeControls({ view: { time }, go }: Pick<FiltersProps, 'view' | 'go'>) {
  const now = () => Date.now() / 1000
  const shown = () => wholeSteps(time, now())
  return (
    <fieldset class="bar" aria-label="Time">
      {SPAN_NAMES.map((span) => (
        <button
          key={span}
          type="button"
          aria-pressed={time === span}
          onClick={() => go({ time: span })}
        >
          {span}
        </button>
      ))}
      <span class="gap" />
      <button type="button" onClick={() => go({ time: beside(shown(), -1, now()) })}>
        Earlier
      </button>
      <button type="button" onClick={() => go({ time: beside(shown(), 1, now()) })}>
        Later
      </button>
      <button type="button" onClick={() => go({ time: closer(shown()) })}>
        Zoom in
      </button>
      <button type="button" onClick={() => go({ time: wider(shown(), now()) })}>
        Zoom out
      </button>
      {typeof time === 'object' && (
        <span class="window">
          <Moment at={new Date(time.from * 1000).toISOString()} /> to{' '}
          <Moment at={new Date(time.to * 1000).toISOString()} />
        </span>
      )}
    </fieldset>
  )
}

function HitFilters({ view, sources, go }: FiltersProps) {
  const { value, event, source, kind, way } = view
  const filtered = [value, event, source, kind, way].some((text) => text !== '')
  const names = source === '' || sources.includes(source) ? sources : [...sources, source]
  return (
    <form
      class="bar"
      aria-label="Filters of the hits"
      onSubmit={(submit) => submit.preventDefault()}
    >
      <TextFilter name="Value" value={value} onChange={(text) => go({ value: text })} />
      <TextFilter name="Event" value={event} onChange={(text) => go({ event: text })} />
      <label>
        Source{' '}
        <select value={source} onChange={(change) => go({ source: change.currentTarget.value })}>
          <option value="">any</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Met{' '}
        <select
          value={way || kind}
          onChange={(change) => go(MET[change.currentTarget.value as keyof typeof MET].view)}
        >
          {Object.entries(MET).map(([each, { words }]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        disabled={!filtered}
        onClick={() => go({ ...START, time: view.time, ask: view.ask })}
      >
        Clear
      </button>
    </form>
  )
}

/** What the list offers: where it was met, and of flows how. */
const MET = {
  '': { words: 'anywhere', view: { kind: '', way: '' } },
  flow: { words: 'in flows', view: { kind: 'flow', way: '' } },
  live: { words: 'in flows, live', view: { kind: '', way: 'live' } },
  backscan: { words: 'in flows, by backscan', view: { kind: '', way: 'backscan' } },
  log: { words: 'in logs', view: { kind: 'log', way: '' } },
} as const satisfies Record<View['kind'] | View['way'], { words: string; view: Partial<View> }>

interface TextFilterProps {
  readonly name: string
  readonly value: string
  onChange(text: string): void
}

/** Takes effect with Enter, or when it is left. */
function TextFilter({ name, value, onChange }: TextFilterProps) {
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (input.current) input.current.value = value
  }, [value])
  const commit = () => {
    const text = input.current?.value.trim() ?? ''
    if (text !== value) onChange(text)
  }
  return (
    <label>
      {name}{' '}
      <input
        ref={input}
        type="search"
        placeholder="any"
        size={name === 'Value' ? 24 : 10}
        maxLength={8192}
        autocomplete="off"
        spellcheck={false}
        onBlur={commit}
        onSearch={commit}
        onKeyDown={(key) => key.key === 'Enter' && commit()}
      />
    </label>
  )
}
