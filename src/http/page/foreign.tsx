/**
 * Text that came from a MISP, a log or a flow. It is only ever set as text; here it also loses the power
 * to deceive: what can't be seen, or turns the reading order, is spelled out, and no text is endless.
 */
import { cut } from './text.js'

/** As long as a tooltip may be. */
const TITLE = 1000

export interface ForeignProps {
  readonly text: string
  /** Characters that are shown. */
  readonly most?: number
  /** In the typeface of values. */
  readonly code?: boolean
}

export function Foreign({ text, most = 200, code = false }: ForeignProps) {
  const shown = cut(text, most)
  return (
    <bdi
      class={code ? 'foreign code' : 'foreign'}
      title={shown === text ? undefined : cut(text, TITLE)}
    >
      {shown}
    </bdi>
  )
}
