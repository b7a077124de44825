/** Flows on the page: matched or not, since when, what came unmatched, what is only counted. */
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeGap } from '../../../src/clickhouse/gaps.js'
import { tablesOf } from '../../../src/clickhouse/open.js'
import { prepare } from '../../../src/clickhouse/prepare.js'
import { filesTable } from '../../../src/clickhouse/schema.js'
import { silentLogger } from '../../../src/log.js'
import { attachLive, detachLive } from '../../../src/sinks/clickhouse/live.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { hasEngine } from '../../clickhouse/engine.js'
import { faultsIn } from './accessibility.js'
import { hasChromium, openTab, type Reader, startChromium } from './browser.js'
import { documentationSite, LIVE } from './documentation-site.js'
import type { Site } from './site.js'

const HOSTILE = '<img src=x onerror=alert(1)>"\'\u001b[31m\u202e\ud83d\ude00\n</script>'
const SHOWN = '<img src=x onerror=alert(1)>"\'\\u{1b}[31m\\u{202e}'

/** As it is shown. */
// biome-ignore lint/performance/useDomNodeTextContent: what is shown is tested, not what is there
const textOf = (shown: Locator) => shown.innerText()

const tables = tablesOf(clickhouseSinkSettings.parse({}))
const ready = hasEngine() && hasChromium()

describe.skipIf(!ready)('flows on the page', () => {
  let site: Site
  let browser: Browser

  beforeAll(async () => {
    site = await documentationSite({ clickhouse: true })
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  /** What ClickHouse told before is told for some seconds: asked anew. */
  async function open(options = {}): Promise<Reader> {
    await site.silence()
    await site.listen()
    const tab = await openTab(browser, options)
    await tab.page.goto(site.url)
    await section(tab.page).waitFor()
    return tab
  }

  const section = (page: Page) => page.getByRole('region', { name: 'Flows', exact: true })
  const fact = (page: Page, name: string) =>
    textOf(section(page).locator('dl.facts > div', { hasText: name }).locator('dd'))

  async function expectSound({ page, complaints, close }: Reader): Promise<void> {
    expect(await faultsIn(page)).toEqual([])
    expect(complaints).toEqual([])
    expect(await page.locator('#page img, #page svg, #page iframe').count()).toBe(0)
    await close()
  }

  it('whether they are matched and since when, and how far back indicators were looked for', async () => {
    const tab = await open()
    const { page } = tab
    expect(await fact(page, 'Matching')).toMatch(
      /^as they come since 20\d\d-.*, made sure of \d+ \w+ ago$/,
    )
    expect(await fact(page, 'Newest flow')).toMatch(/^\d+ \w+ ago$/)
    expect(await fact(page, 'Looked for')).toMatch(/^\d+ indicators back to 20\d\d-/)
    expect(await fact(page, 'Files')).toBe('0 imported, 0 waiting, 0 set aside')
    expect(await section(page).locator('table').count()).toBe(0)
    await expectSound(tab)
  })

  it('that somebody has detached them, and what came unmatched', async () => {
    const live = { db: site.clickhouse, tables, log: silentLogger() }
    await detachLive(live)
    const tab = await open()
    expect(await fact(tab.page, 'Matching')).toMatch(/^detached since 20/)
    await tab.page.getByText('flows are not matched as they come').waitFor()
    await expectSound(tab)

    await attachLive(live)
    const after = await open()
    expect(await fact(after.page, 'Matching')).toMatch(/^as they come since/)
    const unmatched = after.page.getByRole('region', { name: 'Flows that came unmatched' })
    expect(await textOf(unmatched)).toMatch(/the view was away/)
    await expectSound(after)
  })

  it.each([
    ['light', { colorScheme: 'light' }],
    ['dark and narrow', { colorScheme: 'dark', viewport: { width: 360, height: 800 } }],
  ] as const)(
    'hostile text of files, gaps and counted indicators is text (%s)',
    async (_, look) => {
      await writeHostile(site)
      const tab = await open(look)
      const { page } = tab
      expect(await fact(page, 'Files')).toContain(`the last one ${SHOWN}`)
      expect(await fact(page, 'Last file')).toContain(SHOWN)
      const unmatched = page.getByRole('region', { name: 'Flows that came unmatched' })
      expect(await textOf(unmatched)).toContain(SHOWN)

      // What is only counted opens by the keyboard, and a value of it can be looked up.
      const summary = section(page).locator('summary')
      expect(await textOf(summary)).toMatch(
        /^Only counted in the last 24 hours: 66 flows beyond max_hits, of 1 indicator; 5 contacts that nobody answered, of 1 indicator$/,
      )
      await summary.focus()
      await page.keyboard.press('Enter')
      const counted = page.getByRole('region', { name: 'Only counted' })
      await counted.waitFor()
      expect(await textOf(counted)).toContain(SHOWN)
      const [wide, screen] = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, innerWidth]',
      )
      expect(wide).toBeLessThanOrEqual(screen)
      await counted.getByRole('button', { name: `Look up ${LIVE}` }).click()
      await page.locator('.headline .hint').waitFor()
      expect(await textOf(page.locator('.answer'))).toContain(LIVE)
      await expectSound(tab)
    },
  )

  it('that ClickHouse can not be asked', async () => {
    await site.stopClickHouse()
    const tab = await open()
    expect(await textOf(section(tab.page))).toMatch(/unknown.*can not be asked/)
    const others = tab.complaints.filter((text) => !text.includes('503'))
    await expectSound({ ...tab, complaints: others })
  })
})

async function writeHostile({ clickhouse: db }: Site): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  await prepare(db, [filesTable(tables)])
  const columns = ['flowsrc', 'hash', 'path', 'outcome', 'flows', 'reason']
  await db.insert({
    table: 'nfsen.tipline_files_flows',
    columns,
    rows: [
      [HOSTILE, 'one', HOSTILE, 'imported', 7, ''],
      [HOSTILE, 'other', `${HOSTILE} too`, 'aside', 0, HOSTILE],
    ],
  })
  await writeGap(db, tables, { gap: 'hostile', from: now - 7200, to: now - 60, why: HOSTILE })
  const counted = ['hour', 'misp', 'attr_uuid', 'why', 'past_flows', 'first', 'last', 'info']
  const told = [...counted, 'event_uuid', 'address', 'kind', 'type']
  const hour = Math.floor(now / 3600) * 3600
  const row = (attribute: string, why: string, flows: number, address: string) => {
    return [
      hour,
      HOSTILE,
      attribute,
      why,
      flows,
      hour,
      now,
      HOSTILE,
      HOSTILE,
      address,
      'ip',
      HOSTILE,
    ]
  }
  await db.insert({
    table: 'nfsen.tipline_counted_ioc_hits',
    columns: told,
    rows: [row('one', 'flood', 66, LIVE), row(HOSTILE, 'unanswered', 5, HOSTILE)],
  })
}
