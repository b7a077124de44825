/** Which stretch of time is shown, and in how many bars. */
import { SPANS, type Span, type View, type Window } from './address.js'

/** Seconds that a bar may stand for. */
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800,
  604_800,
]
const MOST_BARS = 100

/** The smallest step with which there are not too many bars. */
export function stepOf({ from, to }: Window): number {
  const fits = STEPS.find((step) => (to - from) / step <= MOST_BARS)
  return fits ?? Math.ceil((to - from) / MOST_BARS)
}

/**
 * The window in whole steps, none of it lost. A span ends with the step that `now` is in, so that bars
 * stay where they are until the next step begins.
 */
export function wholeSteps(time: View['time'], now: number): Window & { readonly step: number } {
  const exact = typeof time === 'object' ? time : { from: now - SPANS[time], to: now }
  const step = stepOf(exact)
  const { from, to } = exact
  return { from: Math.floor(from / step) * step, to: Math.ceil(to / step) * step, step }
}

/** The bars that were brushed: at least one, and whole ones. */
export function brushed(ends: readonly [number, number], step: number): Window {
  const [a, b] = ends
  const from = Math.floor(Math.min(a, b) / step) * step
  return { from, to: Math.max(Math.ceil(Math.max(a, b) / step) * step, from + step) }
}

/** The middle half of it; no less than ten seconds. */
export function closer({ from, to }: Window): Window {
  const half = Math.max(Math.round((to - from) / 4), 5)
  const middle = Math.round((from + to) / 2)
  return { from: middle - half, to: middle + half }
}

/** Twice as much, and nothing of the future: the smallest span that holds it where that reaches now. */
export function wider({ from, to }: Window, now: number): Window | Span {
  const half = Math.round((to - from) / 2)
  if (to + half < now) return { from: from - half, to: to + half }
  const names = Object.keys(SPANS) as Span[]
  return (
    names.find((name) => SPANS[name] >= Math.max(now - from, 1.5 * (to - from))) ?? {
      from: from - half,
      to: Math.ceil(now),
    }
  )
}

/** The window before or after, by half of its length; now is the end of all windows. */
export function beside({ from, to }: Window, direction: -1 | 1, now: number): Window {
  const length = to - from
  const end = Math.min(to + (direction * length) / 2, Math.max(Math.ceil(now), to))
  return { from: Math.round(end - length), to: Math.round(end) }
}
