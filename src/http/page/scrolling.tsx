/** A table that is wider than the screen scrolls by itself; the keyboard can do it too. */
import type { ComponentChildren } from 'preact'

export interface ScrollingProps {
  readonly name: string
  /** Not higher than a part of the screen. */
  readonly low?: boolean
  readonly children: ComponentChildren
}

export function Scrolling({ name, low = false, children }: ScrollingProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached to be scrolled
    <section class={low ? 'scroll low' : 'scroll'} aria-label={name} tabIndex={0}>
      {children}
    </section>
  )
}
