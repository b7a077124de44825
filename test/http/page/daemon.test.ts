/** The page of a `tipline run` that runs, in a real Chromium: what it shows is what the commands say. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Running } from '../../cli/cli.js'
import { Site, until } from '../../cli/site.js'
import { faultsIn } from './accessibility.js'
import { hasChromium, openTab, startChromium } from './browser.js'

describe.skipIf(!hasChromium())('the page of the daemon', () => {
  let site: Site
  let browser: Browser
  let daemon: Running

  beforeAll(async () => {
    browser = await startChromium()
    site = new Site()
    await site.startMisp()
    site.writeConfig('http: { listen: "127.0.0.1:0" }\nnetworks: { campus: [192.0.2.0/24] }\n')
    daemon = site.start(['run', '--json'])
    await until(() => daemon.stderr.includes('"at work"') || daemon.child.exitCode !== null)
    expect(daemon.child.exitCode, daemon.stderr).toBeNull()
    await until(async () => (await site.run(['lookup', 'evil.example'])).status === 0)
  }, 180_000)
  afterAll(async () => {
    daemon?.child.kill('SIGKILL')
    await browser?.close()
    await site?.close()
  })

  function url(): string {
    const line = daemon.stderr.split('\n').find((text) => text.includes('"listening"')) ?? '{}'
    return (JSON.parse(line) as { url: string }).url
  }

  async function marks(): Promise<unknown[]> {
    const { stdout } = await site.run(['hits', '--json'])
    return stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { false_positive: unknown }).false_positive)
  }

  it('shows what is fresh, a hit of a log line as it is recorded, and marks it for the command line', async () => {
    const { page, complaints, requests, close } = await openTab(browser)
    await page.goto(url())
    await page.getByRole('row', { name: /^main followed/ }).waitFor()
    await page.getByText('No hits in this time with these filters.').waitFor()

    const line = {
      '@timestamp': new Date().toISOString(),
      source: { ip: '192.0.2.5' },
      'dns.question.name': 'www.evil.example',
    }
    const ran = await site.run(['enrich', '--record'], { input: `${JSON.stringify(line)}\n` })
    expect(ran.status, ran.stderr).toBe(0)
    // It looks for new ones by itself, every quarter of a minute.
    const hit = page.locator('tr.hit', { hasText: 'www.evil.example' })
    await hit.waitFor({ timeout: 180_000 })
    expect(await hit.textContent()).toMatch(/192\.0\.2\.5.*campus.*Phishing kit/)

    await page.getByLabel('Look up').fill('evil[.]example')
    await page.keyboard.press('Enter')
    await page.locator('.headline .hint').waitFor()
    expect(await page.locator('.answer').textContent()).toContain('live')

    await hit.getByRole('button', { name: /^Details/ }).click()
    await page.getByLabel('Why it is a false positive').fill('our own scanner')
    await page.keyboard.press('Enter')
    await page.getByText('Marked as a false positive by local').waitFor()
    expect(await marks()).toMatchObject([{ by: 'local', why: 'our own scanner' }])
    await page.getByRole('button', { name: 'Unmark' }).click()
    await page.getByLabel('Why it is a false positive').waitFor()
    expect(await marks()).toEqual([null])

    expect(await faultsIn(page)).toEqual([])
    expect(requests.filter((each) => !each.startsWith(url()))).toEqual([])
    expect(complaints).toEqual([])
    await close()
    daemon.child.kill('SIGTERM')
    expect((await daemon.end()).status).toBe(0)
  }, 180_000)
})
