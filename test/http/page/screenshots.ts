/** The pictures that the docs show, of the real page over the real API. */
import { join } from 'node:path'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { openTab, startChromium } from './browser.js'
import { documentationSite, LIVE } from './documentation-site.js'

const PICTURES: readonly {
  readonly name: string
  readonly fragment: string
  readonly options: BrowserContextOptions
}[] = [
  { name: 'light', fragment: '', options: { colorScheme: 'light' } },
  { name: 'dark', fragment: `#ask=${LIVE}`, options: { colorScheme: 'dark' } },
]

/** @returns their paths */
export async function takeScreenshots(folder: string): Promise<string[]> {
  const site = await documentationSite({ clickhouse: true })
  const browser = await startChromium()
  try {
    const paths: string[] = []
    for (const picture of PICTURES) paths.push(await take(browser, { site, folder, ...picture }))
    return paths
  } finally {
    await browser.close()
    await site.close()
  }
}

interface Taking {
  readonly site: { readonly url: string }
  readonly folder: string
  readonly name: string
  readonly fragment: string
  readonly options: BrowserContextOptions
}

async function take(browser: Browser, of: Taking): Promise<string> {
  const { site, folder, name, fragment, options } = of
  const tab = await openTab(browser, { viewport: { width: 1200, height: 800 }, ...options })
  await tab.page.goto(`${site.url}/${fragment}`)
  await tab.page.locator('table.hits').waitFor()
  await tab.page.getByRole('region', { name: 'Flows', exact: true }).waitFor()
  if (fragment !== '') await tab.page.locator('.headline .hint').waitFor()
  // Drawn once more when its width is known.
  await tab.page.waitForTimeout(300)
  const path = join(folder, `${name}.png`)
  await tab.page.screenshot({ path })
  await tab.close()
  return path
}
