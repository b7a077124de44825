/** A token, given once: the API answers with a cookie that no script can read. */
import { useState } from 'preact/hooks'
import { tell } from './client.js'

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const [state, setState] = useState<'open' | 'sending' | Error>('open')
  const send = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const form = event.currentTarget
    const token = String(new FormData(form).get('token') ?? '').trim()
    setState('sending')
    try {
      await tell('POST', '/v1/session', { token })
      onSignedIn()
    } catch (error) {
      form.reset()
      setState(error as Error)
    }
  }
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
