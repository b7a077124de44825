/** The page for the analyst on duty. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { Flows } from './flows.js'
import { Foreign } from './foreign.js'
import { type Listener, useFresh } from './fresh.js'
import { Freshness } from './freshness.js'
import { Hits } from './hits.js'
import { Moment, ZoneContext } from './moment.js'
import { type Theme, useTheme, useZone } from './prefs.js'
import { SignIn, SignOut } from './sign-in.js'
import { count, type Zone } from './times.js'
import { useView } from './use-view.js'
import { Value } from './value.js'
import type { Session, Status } from './wire.js'

const STATUS_SECONDS = 10

export function App() {
  const [view, go] = useView()
  const [zone, setZone] = useZone()
  const [theme, setTheme] = useTheme()
  const [said, announce] = useState('')
  const { listener, lostAt, signedOut, signedIn } = useConnection()
  const session = useFresh<Session>({ path: '/v1/session', given: {}, every: null }, listener)
  const status = useFresh<Status>(
    signedOut ? null : { path: '/v1/status', given: {}, every: STATUS_SECONDS },
    listener,
  )
  useTitle(status.data)

  const enter = () => {
    signedIn()
    session.again()
  }
  const mayMark = session.data?.scope === 'operate'
  const login = session.data?.login === true && !signedOut
  return (
    <ZoneContext.Provider value={zone}>
      <button type="button" class="skip" onClick={toContent}>
        To the content
      </button>
      <header>
        <h1>tipline</h1>
        <Overall status={signedOut ? null : status.data} />
        <Preferences zone={zone} setZone={setZone} theme={theme} setTheme={setTheme} />
        {login && <SignOut name={session.data?.name ?? ''} onSignedOut={listener.signedOut} />}
      </header>
      <Lost since={lostAt} seen={status.data?.at ?? null} />
      <main id="main" tabIndex={-1}>
        {signedOut ? (
          <SignIn onSignedIn={enter} />
        ) : (
          <>
            <Value value={view.ask} go={go} listener={listener} announce={announce} />
            {status.refused && (
              <p role="alert" class="refusal">
                The state can not be told: <Foreign text={status.refused.message} most={500} />
              </p>
            )}
            {status.data && <Freshness status={status.data} />}
            {status.data?.flows !== undefined && (
              <Flows
                flows={status.data.flows}
                now={status.data.at}
                listener={listener}
                onAsk={(value) => go({ ask: value })}
              />
            )}
            <Hits
              view={view}
              go={go}
              sources={status.data?.sources.map(({ name }) => name) ?? []}
              mayMark={mayMark}
              theme={theme}
              listener={listener}
              announce={announce}
            />
          </>
        )}
      </main>
      <output class="unseen">{said}</output>
    </ZoneContext.Provider>
  )
}

/** Whether tipline answers, and whether it lets us in. */
function useConnection() {
  const [lostAt, setLostAt] = useState<Date | null>(null)
  const [signedOut, setSignedOut] = useState(false)
  const listener = useMemo<Listener>(
    () => ({
      reached: () => setLostAt(null),
      unreachable: () => setLostAt((before) => before ?? new Date()),
      signedOut: () => setSignedOut(true),
    }),
    [],
  )
  const signedIn = useCallback(() => setSignedOut(false), [])
  return { listener, lostAt, signedOut, signedIn }
}

/** No link: the fragment of the address is the view. */
function toContent() {
  document.getElementById('main')?.focus()
}

/** A tab in the background tells it too. */
function useTitle(status: Status | null) {
  const problems = status?.problems.length ?? 0
  useEffect(() => {
    document.title = problems === 0 ? 'tipline' : `(${problems}) tipline`
  }, [problems])
}

function Overall({ status }: { status: Status | null }) {
  if (status === null) return <p class="overall" />
  const { ok, problems, at } = status
  return (
    <p class="overall">
      <span class={ok ? 'state good' : 'state bad'}>
        {ok ? 'all is well' : count(problems.length, 'problem')}
      </span>{' '}
      <span class="hint">
        as of <Moment at={at} />
      </span>
    </p>
  )
}

interface PreferencesProps {
  readonly zone: Zone
  setZone(zone: Zone): void
  readonly theme: Theme
  setTheme(theme: Theme): void
}

function Preferences({ zone, setZone, theme, setTheme }: PreferencesProps) {
  return (
    <div class="preferences">
      <label>
        Times{' '}
        <select value={zone} onChange={(change) => setZone(change.currentTarget.value as Zone)}>
          <option value="local">local</option>
          <option value="utc">UTC</option>
        </select>
      </label>
      <label>
        Theme{' '}
        <select value={theme} onChange={(change) => setTheme(change.currentTarget.value as Theme)}>
          <option value="auto">auto</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
    </div>
  )
}

function Lost({ since, seen }: { since: Date | null; seen: string | null }) {
  return (
    <div role="alert">
      {since && (
        <p class="lost">
          tipline can not be reached since <Moment at={since.toISOString()} />
          {seen !== null && (
            <>
              ; what is shown is from <Moment at={seen} />
            </>
          )}
          . It is tried again every few seconds.
        </p>
      )}
    </div>
  )
}
