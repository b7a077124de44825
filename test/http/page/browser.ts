/** Debian's Chromium, driven as a reader would; what it complains of is kept. */
import { spawnSync } from 'node:child_process'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { hasProgram } from '../../servers/program.js'

/** Whether tests in a browser run. @throws under CI, where it may not be missing */
export function hasChromium(): boolean {
  return hasProgram('chromium', ['--version'], 'apt-get install chromium')
}

export function startChromium(): Promise<Browser> {
  // Root has no sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const { stdout } = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' })
  return chromium.launch({ executablePath: stdout.trim(), args })
}

export interface Reader {
  readonly page: Page
  /** What the browser said against the page: errors of scripts, violations of the policy. */
  readonly complaints: string[]
  /** Addresses that were asked for. */
  readonly requests: string[]
  close(): Promise<void>
}

/** A tab of its own, with nothing remembered; by default it is 1280 by 900, light, in UTC. */
export async function openTab(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Reader> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    timezoneId: 'UTC',
    ...options,
  })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const complaints: string[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`)
  })
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => requests.push(request.url()))
  await page.addInitScript({ content: TELL_VIOLATIONS })
  return { page, complaints, requests, close: () => context.close() }
}

const TELL_VIOLATIONS = `
  document.addEventListener('securitypolicyviolation', (event) =>
    console.error('violates ' + event.violatedDirective + ': ' + event.blockedURI))`
