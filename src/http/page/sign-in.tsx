/** A token, given once: the API answers with a cookie that no script can read. */
import { tell } from './client.js'
import { Foreign } from './foreign.js'
import { useSending } from './use-sending.js'

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { state, send } = useSending(async (form) => {
    const token = String(new FormData(form).get('token') ?? '').trim()
    form.reset()
    await tell('POST', '/v1/session', { token })
    onSignedIn()
  })
  return (
    <section class="sign-in" aria-labelledby="sign-in">
      <h2 id="sign-in">Sign in</h2>
      <form onSubmit={send}>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" required autocomplete="current-password" />
        <button type="submit" disabled={state === 'sending'}>
          Sign in
        </button>
      </form>
      {state instanceof Error && <p role="alert">{state.message}</p>}
      <p class="hint">
        <code>tipline token new NAME</code> makes one; its hash goes into the config.
      </p>
    </section>
  )
}

export function SignOut({ name, onSignedOut }: { name: string; onSignedOut: () => void }) {
  const { state, send } = useSending(async () => {
    await tell('DELETE', '/v1/session')
    onSignedOut()
  })
  return (
    <form onSubmit={send}>
      <button type="submit" disabled={state === 'sending'}>
        Sign out <Foreign text={name} most={40} />
      </button>
      {state instanceof Error && <span role="alert">You are still signed in: {state.message}</span>}
    </form>
  )
}
