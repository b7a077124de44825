/** What crash-main.ts does, as data, so that the test knows each state that may be seen. */

export type Step =
  | {
      readonly kind: 'pull'
      readonly now: number
      /** event -> attribute -> value: the event as it is from then on. */
      readonly events: Readonly<Record<string, Readonly<Record<string, string>>>>
      readonly departures: readonly string[]
    }
  | { readonly kind: 'hold' | 'release'; readonly value: string; readonly now: number }

export const STEPS: readonly Step[] = [
  {
    kind: 'pull',
    now: 1000,
    events: {
      e1: { a1: 'one.example', a2: 'two.example', a3: 'shared.example' },
      e2: { b1: 'shared.example', b2: 'three.example' },
      e3: { c1: 'four.example' },
    },
    departures: [],
  },
  { kind: 'hold', value: 'two.example', now: 1100 },
  { kind: 'hold', value: 'shared.example', now: 1100 },
  {
    kind: 'pull',
    now: 1200,
    events: {
      e1: { a1: 'one-moved.example', a3: 'shared.example', a4: 'five.example' },
      e4: { d1: 'one.example', d2: 'two.example' },
    },
    departures: ['e3'],
  },
  { kind: 'release', value: 'shared.example', now: 1300 },
  {
    kind: 'pull',
    now: 1400,
    events: { e2: { b2: 'three.example', b3: 'six.example' }, e3: { c1: 'four.example' } },
    departures: ['e4'],
  },
]

/** The state in which the work ends. */
export const FINAL_LIVE = [
  'five.example',
  'four.example',
  'one-moved.example',
  'shared.example',
  'six.example',
  'three.example',
]
