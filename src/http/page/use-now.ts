/** The clock, as often as it is wanted. */
import { useEffect, useState } from 'preact/hooks'

/** Epoch seconds. */
export function useNow(every: number): number {
  const [now, setNow] = useState(() => Date.now() / 1000)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), every * 1000)
    return () => clearInterval(timer)
  }, [every])
  return now
}
