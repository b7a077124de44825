/** A form that changes something: while it is sent it is not sent again, and what fails is kept to be said. */
import { useState } from 'preact/hooks'

export function useSending(work: (form: HTMLFormElement) => Promise<void>) {
  const [state, setState] = useState<'open' | 'sending' | Error>('open')
  const send = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    setState('sending')
    try {
      await work(event.currentTarget)
    } catch (error) {
      setState(error as Error)
    }
  }
  return { state, send }
}
