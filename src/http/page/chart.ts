/** The chart of hits over time: stacked bars, and a brush. Drawn by uPlot on a canvas. */
import uPlot from 'uplot'
import type { Window } from './address.js'
import type { Zone } from './times.js'

/** From the bottom of the stack to its top. */
export const LAYERS = [
  { key: 'live', name: 'Live' },
  { key: 'backscan', name: 'Backscan' },
  { key: 'log', name: 'Logs' },
] as const
export type Layer = (typeof LAYERS)[number]['key']

export interface Bar extends Window, Readonly<Record<Layer, number>> {}

export interface Shown {
  readonly bars: readonly Bar[]
  readonly window: Window
}

export interface ChartOptions {
  readonly zone: Zone
  onBrush(ends: readonly [number, number]): void
  onReset(): void
  /** The bar under the pointer; null: none. */
  onPoint(bar: Bar | null): void
}

const HEIGHT = 140

/** Lives in an element, as wide as that is. New hits are drawn without disturbing a brush at work. */
export class Chart {
  readonly #chart: uPlot
  readonly #width: ResizeObserver
  #shown: Shown

  constructor(place: HTMLElement, shown: Shown, options: ChartOptions) {
    this.#shown = shown
    const drawn = optionsOf(place, { ...options, shown: () => this.#shown })
    this.#chart = new uPlot(drawn, dataOf(shown.bars), place)
    this.#width = new ResizeObserver(() => {
      const width = place.clientWidth
      if (width > 0 && width !== this.#chart.width) this.#chart.setSize({ width, height: HEIGHT })
    })
    this.#width.observe(place)
  }

  show(shown: Shown): void {
    this.#shown = shown
    this.#chart.setData(dataOf(shown.bars))
  }

  close(): void {
    this.#width.disconnect()
    this.#chart.destroy()
  }
}

/** A stack: each series is the sum of its layer and those below; the highest is drawn first. */
function dataOf(bars: readonly Bar[]): uPlot.AlignedData {
  const sums = LAYERS.map((_, top) =>
    bars.map((bar) => LAYERS.slice(0, top + 1).reduce((sum, { key }) => sum + bar[key], 0)),
  )
  return [bars.map(({ from }) => from), ...sums.toReversed()]
}

function optionsOf(
  place: HTMLElement,
  options: ChartOptions & { shown: () => Shown },
): uPlot.Options {
  const { shown, zone, onBrush, onReset, onPoint } = options
  const ink = colourIn(place, '--faint')
  const grid = { stroke: colourIn(place, '--line'), width: 1 }
  const paths = uPlot.paths.bars?.({ size: [0.86, 48], align: 1 })
  const font = '11px system-ui, sans-serif'
  return {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    ...(zone === 'utc' && { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), 'Etc/UTC') }),
    scales: {
      x: { time: true, range: () => [shown().window.from, shown().window.to] },
      y: { range: (_chart, _least, most) => [0, Math.max(most * 1.05, 4)] },
    },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: grid, font, size: 28, values: timeWords(zone) },
      { stroke: ink, grid, ticks: { show: false }, font, size: 48, incrs: WHOLE },
    ],
    series: [
      {},
      ...LAYERS.toReversed().map(({ key }) => ({
        fill: colourIn(place, `--${key}`),
        width: 0,
        points: { show: false },
        ...(paths && { paths }),
      })),
    ],
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      bind: {
        dblclick: () => () => {
          onReset()
          return null
        },
      },
    },
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width } = chart.select
          if (width === 0) return
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          onBrush([chart.posToVal(left, 'x'), chart.posToVal(left + width, 'x')])
        },
      ],
      setCursor: [
        (chart) => {
          const { left = -1 } = chart.cursor
          const at = left < 0 ? Number.NaN : chart.posToVal(left, 'x')
          onPoint(shown().bars.find(({ from, to }) => from <= at && at < to) ?? null)
        },
      ],
    },
  }
}

/** There is no half hit. */
const WHOLE = [1, 2, 5]
  .flatMap((n) => Array.from({ length: 10 }, (_, e) => n * 10 ** e))
  .sort((a, b) => a - b)

function timeWords(zone: Zone) {
  const two = (n: number) => String(n).padStart(2, '0')
  return (_chart: uPlot, splits: number[], _axis: number, _space: number, step: number) =>
    splits.map((at) => {
      const local = new Date(at * 1000)
      const shift = zone === 'utc' ? 0 : local.getTimezoneOffset() * 60_000
      const [day = '', time = ''] = new Date(local.getTime() - shift).toISOString().split('T')
      if (step >= 86_400 || time.startsWith('00:00:00')) return day.slice(5)
      return step < 60 ? time.slice(0, 8) : `${two(Number(time.slice(0, 2)))}:${time.slice(3, 5)}`
    })
}

/** A canvas knows no custom properties: what one comes to here, in the theme of now. */
function colourIn(place: HTMLElement, property: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${property})`
  place.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
