/** What the reader likes: remembered by the browser, and by nobody else. */
import { useEffect, useState } from 'preact/hooks'
import type { Zone } from './times.js'

export type Theme = 'auto' | 'light' | 'dark'

const ZONES: readonly Zone[] = ['local', 'utc']
const THEMES: readonly Theme[] = ['auto', 'light', 'dark']

export function useZone() {
  return useKept('tipline-zone', ZONES)
}

/** `auto` is what the system says. */
export function useTheme() {
  const kept = useKept('tipline-theme', THEMES)
  const [theme] = kept
  useEffect(() => {
    document.documentElement.dataset.theme = theme
  }, [theme])
  return kept
}

/** The first choice where nothing, or nonsense, was kept. */
function useKept<T extends string>(name: string, choices: readonly T[]) {
  const [choice, setChoice] = useState(() => {
    const kept = read(name)
    return choices.find((each) => each === kept) ?? (choices[0] as T)
  })
  const choose = (wanted: T) => {
    setChoice(wanted)
    write(name, wanted)
  }
  return [choice, choose] as const
}

/** A browser may forbid to keep anything: then it is forgotten with the page. */
function read(name: string): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null
  }
}

function write(name: string, text: string): void {
  try {
    localStorage.setItem(name, text)
  } catch {
    return
  }
}
