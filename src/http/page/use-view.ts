/** The view in the address bar: read from it, written to it, and followed when it changes. */
import { useCallback, useEffect, useState } from 'preact/hooks'
import { readView, type View, writeView } from './address.js'

export type Go = (change: Partial<View>) => void

export function useView(): readonly [View, Go] {
  const [view, setView] = useState(() => readView(location.hash))

  useEffect(() => {
    const follow = () => setView(readView(location.hash))
    // Back and forth, and an address that was typed or pasted.
    window.addEventListener('popstate', follow)
    window.addEventListener('hashchange', follow)
    return () => {
      window.removeEventListener('popstate', follow)
      window.removeEventListener('hashchange', follow)
    }
  }, [])

  const go = useCallback<Go>((change) => {
    const wanted = { ...readView(location.hash), ...change }
    const fragment = writeView(wanted)
    if (fragment !== location.hash.replace(/^#/, '')) {
      history.pushState(null, '', fragment === '' ? location.pathname : `#${fragment}`)
    }
    setView(wanted)
  }, [])

  return [view, go]
}
