/** A time, in the zone that was chosen, with the other one in its tooltip. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { bothZones, momentIn, type Zone } from './times.js'

export const ZoneContext = createContext<Zone>('local')

export interface MomentProps {
  /** ISO 8601; null: never, or not told. */
  readonly at: string | null
  /** Shown instead of the time, which then stands in the tooltip. */
  readonly words?: string
}

export function Moment({ at, words }: MomentProps) {
  const zone = useContext(ZoneContext)
  if (at === null) return <>never</>
  const date = new Date(at)
  const shown = momentIn(date, zone)
  const title = words === undefined ? bothZones(date, zone) : `${shown} (${bothZones(date, zone)})`
  return (
    <time dateTime={at} title={title}>
      {words ?? shown}
    </time>
  )
}
