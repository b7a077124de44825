/** What a reader with a keyboard, a screen reader or weak eyes would stumble over. */
import type { Page } from 'playwright-core'

/** Each as a sentence; none is right. */
export async function faultsIn(page: Page): Promise<string[]> {
  return await page.evaluate<string[]>(`(${CHECKS})()`)
}

/** Runs in the page. Text is measured against the ground that it really stands on. */
const CHECKS = `() => {
  const faults = []
  const all = (selector) => [...document.querySelectorAll(selector)]
  const shown = (node) => node.getClientRects().length > 0
  const told = (node) => node.outerHTML.slice(0, 120)
  const nameOf = (node) =>
    (node.getAttribute('aria-label') ??
      all('#' + CSS.escape(node.getAttribute('aria-labelledby') ?? '_'))[0]?.textContent ??
      node.labels?.[0]?.textContent ??
      node.textContent).trim()

  if (document.documentElement.lang === '') faults.push('the page has no language')
  for (const [role, most] of [['header', 1], ['main', 1], ['h1', 1]]) {
    if (all(role).length !== most) faults.push('there are ' + all(role).length + ' of ' + role)
  }
  for (const node of all('button, a, input, select, summary, section, nav, figure, fieldset, form, article')) {
    if (node.matches('search form')) continue
    if (shown(node) && nameOf(node) === '') faults.push('has no name: ' + told(node))
  }
  const ids = all('[id]').map(({ id }) => id)
  for (const id of ids) if (ids.filter((each) => each === id).length > 1) faults.push('twice: #' + id)
  for (const attribute of ['aria-labelledby', 'aria-controls', 'for']) {
    for (const node of all('[' + attribute + ']')) {
      const id = node.getAttribute(attribute)
      if (!ids.includes(id)) faults.push('leads nowhere: ' + attribute + '=' + id)
    }
  }
  let level = 1
  for (const node of all('h1, h2, h3, h4')) {
    const next = Number(node.tagName[1])
    if (next > level + 1) faults.push('skips a level: ' + told(node))
    level = next
  }
  for (const node of all('th')) if (!node.hasAttribute('scope')) faults.push('no scope: ' + told(node))
  for (const node of all('[aria-hidden=true]')) {
    if (node.querySelector('button, a, input, [tabindex]')) faults.push('hidden, with focus: ' + told(node))
  }
  for (const node of all('[tabindex]')) if (node.tabIndex > 0) faults.push('order by number: ' + told(node))
  for (const node of all('button, select, input')) {
    const { width, height } = node.getBoundingClientRect()
    if (shown(node) && !node.matches('.ask') && Math.min(width, height) > 0 && Math.min(width, height) < 24)
      faults.push('smaller than a finger: ' + told(node))
  }

  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return { r, g, b, a: a / 255 }
  }
  const over = (top, ground) => {
    const mix = (part) => top[part] * top.a + ground[part] * (1 - top.a)
    return { r: mix('r'), g: mix('g'), b: mix('b'), a: 1 }
  }
  const groundOf = (node) => {
    const layers = []
    for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor))
    return layers.reverse().reduce((ground, layer) => over(layer, ground), { r: 255, g: 255, b: 255, a: 1 })
  }
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((part) => {
      const n = part / 255
      return n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const opacityOf = (node) => {
    let product = 1
    for (let at = node; at; at = at.parentElement) product *= Number(getComputedStyle(at).opacity)
    return product
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const seen = new Set()
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement
    if (seen.has(node) || !shown(node) || walker.currentNode.data.trim() === '') continue
    seen.add(node)
    if (node.closest(':disabled, .unseen, noscript, option')) continue
    const ground = groundOf(node)
    const ink = rgba(getComputedStyle(node).color)
    const text = over({ ...ink, a: ink.a * opacityOf(node) }, ground)
    const [high, low] = [light(text), light(ground)].sort((a, b) => b - a)
    const contrast = (high + 0.05) / (low + 0.05)
    if (contrast < 4.5) faults.push('hard to read (' + contrast.toFixed(2) + '): ' + told(node))
  }
  return faults
}`
