/** The page in a real Chromium, over the real API, ledger and hits. */
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasEngine } from '../../clickhouse/engine.js'
import { OPERATOR, READER, TOKENS } from '../house.js'
import { faultsIn } from './accessibility.js'
import { hasChromium, openTab, type Reader, startChromium } from './browser.js'
import {
  documentationSite,
  HELD,
  LATE,
  LIVE,
  NAME,
  PHISHING,
  REVOKED,
  SET_ASIDE,
} from './documentation-site.js'
import type { Site } from './site.js'

/** As it is shown: spelled in upper case, or not at all, by the style sheet. */
// biome-ignore lint/performance/useDomNodeTextContent: what is shown is tested, not what is there
const textOf = (shown: Locator) => shown.innerText()

const ready = hasEngine() && hasChromium()

describe.skipIf(!ready)('the page', () => {
  let site: Site
  let browser: Browser
  const tabs: Reader[] = []

  beforeAll(async () => {
    site = await documentationSite({ clickhouse: true })
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })
  afterEach(async () => {
    const foreign = (url: string) => !url.startsWith(site.url)
    for (const tab of tabs.splice(0)) {
      expect(tab.requests.filter(foreign)).toEqual([])
      expect(tab.complaints).toEqual([])
      await tab.close()
    }
  })

  /** With the hits of the view on it. */
  async function open(fragment = '', options: BrowserContextOptions = {}): Promise<Page> {
    const tab = await openTab(browser, options)
    tabs.push(tab)
    await tab.page.goto(`${site.url}/${fragment}`)
    await tab.page.locator('table.hits, p.none').waitFor()
    // It stands above: until it is there, all below moves.
    await state(tab.page).waitFor()
    return tab.page
  }

  const state = (page: Page) => page.locator('.overall', { hasText: 'as of' })
  const rows = (page: Page) => page.locator('table.hits tr.hit')
  const fragmentOf = (page: Page) => new URLSearchParams(new URL(page.url()).hash.slice(1))
  const answer = (page: Page) => page.locator('.answer .headline').locator('..')

  /** With the hits of it, which are asked for apart. */
  async function askFor(page: Page, value: string): Promise<string> {
    await page.getByLabel('Look up').fill(value)
    await page.keyboard.press('Enter')
    await page.locator('.headline .hint').waitFor()
    return await textOf(answer(page))
  }

  /** What somebody hears who does not see it. */
  const said = (page: Page) => page.locator('output')

  /** Of a legend such as `Live 503`. */
  async function counted(page: Page, layer: string): Promise<number> {
    const text = await textOf(page.locator('.legend li', { hasText: layer }))
    return Number(text.replace(/\D/g, ''))
  }

  describe('tells', () => {
    it('whether everything is fresh', async () => {
      const page = await open()
      await expect.poll(() => textOf(page.locator('.overall'))).toMatch(/^all is well as of 20/)
      const source = page.getByRole('row', { name: /^main followed/ })
      expect(await textOf(source)).toMatch(/main\s+followed\s+\d+ \w+ ago\s+5\s+8\s+1/)
      const sink = page.getByRole('row', { name: /^clickhouse current/ })
      expect(await textOf(sink)).toMatch(/clickhouse\s+current\s+\d+ \w+ ago\s+0\s+0/)
    })

    it('how many hits there were when, and by which way', async () => {
      const page = await open()
      expect(await counted(page, 'Live')).toBeGreaterThan(400)
      expect(await counted(page, 'Backscan')).toBe(84)
      expect(await counted(page, 'Logs')).toBe(70)
      await page.getByText('The chart as a table').click()
      const table = page.getByRole('region', { name: 'Hits over time' })
      const cells = await table.locator('tbody tr').allInnerTexts()
      const logs = cells.map((cell) => Number(cell.split('\t').at(-2)))
      expect(logs.reduce((sum, n) => sum + n, 0)).toBe(70)
    })

    it('times in the zone of here and of UTC', async () => {
      const page = await open('', { timezoneId: 'Asia/Kolkata' })
      const time = rows(page).first().locator('time')
      const at = Date.parse((await time.getAttribute('datetime')) ?? '')
      const shown = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
      expect(await textOf(time)).toBe(shown(at + 5.5 * 3_600_000))
      expect(await time.getAttribute('title')).toContain(`${shown(at)}Z in UTC`)
      await page.getByLabel('Times').selectOption('utc')
      expect(await textOf(time)).toBe(`${shown(at)}Z`)
      await page.reload()
      expect(await textOf(time)).toBe(`${shown(at)}Z`)
    })
  })

  describe('a value', () => {
    it('that is live: since when, from which events, in which sinks, with its hits', async () => {
      const page = await open()
      const told = await askFor(page, '198[.]51[.]100[.]17')
      expect(told).toMatch(/live more than 100 hits in 90 days, the last one 20/)
      expect(told).toMatch(/ip 198\.51\.100\.17 live since 20/)
      expect(told).toMatch(/#1 Phishing for webmail passwords\s+main\s+CERT Example\s+ip-dst/)
      expect(told).toMatch(/tlp:green\s*phishing\s+yes/)
      expect(told).toContain('Sinks: memcached current, clickhouse current')
      const link = answer(page).getByRole('link', { name: '#1' })
      expect(await link.getAttribute('href')).toBe('https://misp.example.org/events/view/1')
      expect(await link.getAttribute('rel')).toContain('noreferrer')
      expect(await textOf(said(page))).toBe('198[.]51[.]100[.]17: live')
    })

    it('that is held, and why', async () => {
      const told = await askFor(await open(), HELD)
      expect(told).toMatch(/ip 10\.0\.0\.1 held since 20/)
      expect(told).toContain('held by the rule special-address')
    })

    it('that was revoked: when, why, and from when on it had been live', async () => {
      const told = await askFor(await open(), REVOKED)
      expect(told).toMatch(/revoked since 20.*: the source deleted it/)
      expect(told).toMatch(/Was live 20.* to 20.*: the source deleted it \(main event 4\)/)
    })

    it('that was set aside', async () => {
      expect(await askFor(await open(), SET_ASIDE)).toMatch(
        /set aside[\s\S]*Set aside: main event 3/,
      )
    })

    it('that nobody knows', async () => {
      const told = await askFor(await open(), 'nothing.example')
      expect(told).toMatch(/unknown no hits in 90 days[\s\S]*No source has it, and none had/)
    })

    it('that is refused is not said to be what another was', async () => {
      const page = await open(`#ask=${LIVE}`)
      await expect.poll(() => textOf(said(page))).toBe(`${LIVE}: live`)
      await page.getByLabel('Look up').fill('\u00e9'.repeat(8000))
      await page.keyboard.press('Enter')
      await page.getByRole('alert').filter({ hasText: 'too long' }).waitFor()
      expect(await textOf(said(page))).toBe(`${LIVE}: live`)
    })

    it('that lies in a net, or below a domain', async () => {
      const page = await open()
      expect(await askFor(page, '203.0.113.150')).toContain('a net that holds the address')
      expect(await askFor(page, `a.b.${NAME}`)).toContain('its host or a domain above')
    })

    it('can be asked for from a hit, shows its hits, and is in the address', async () => {
      const page = await open('#last=7d')
      await page
        .getByRole('button', { name: `Look up ${LIVE}` })
        .first()
        .click()
      await answer(page).getByText('more than 100 hits').waitFor()
      expect(Object.fromEntries(fragmentOf(page))).toEqual({ ask: LIVE, last: '7d' })
      await page.getByRole('button', { name: 'Show its hits' }).click()
      expect(Object.fromEntries(fragmentOf(page))).toEqual({ ask: LIVE, last: '90d', value: LIVE })
      await page.getByRole('button', { name: 'Close' }).click()
      await page.locator('.answer').waitFor({ state: 'detached' })
      await page.goBack()
      await answer(page).waitFor()
    })
  })

  describe('hits', () => {
    it('are filtered by value, event, source and where they were met', async () => {
      const page = await open()
      await page.getByLabel('Value', { exact: true }).fill(LATE)
      await page.keyboard.press('Enter')
      await expect.poll(() => counted(page, 'Live')).toBe(0)
      await expect.poll(() => rows(page).filter({ hasNotText: LATE }).count()).toBe(0)
      expect(await rows(page).count()).toBe(50)
      await page.getByLabel('Value', { exact: true }).fill('')
      await page.getByLabel('Event', { exact: true }).fill('1')
      await page.keyboard.press('Enter')
      await page.getByRole('combobox', { name: 'Met' }).selectOption('log')
      await expect.poll(() => rows(page).filter({ hasNotText: PHISHING }).count()).toBe(0)
      await expect.poll(() => rows(page).filter({ hasNotText: 'url.domain' }).count()).toBe(0)
      expect(Object.fromEntries(fragmentOf(page))).toEqual({ event: '1', kind: 'log' })
      await page.getByRole('combobox', { name: 'Source' }).selectOption('main')
      await page.reload()
      await rows(page).first().waitFor()
      expect(await page.getByLabel('Event', { exact: true }).inputValue()).toBe('1')
      expect(await page.getByRole('combobox', { name: 'Source' }).inputValue()).toBe('main')
      await page.getByRole('button', { name: 'Clear' }).click()
      await expect.poll(() => fragmentOf(page).size).toBe(0)
      expect(await page.getByLabel('Event', { exact: true }).inputValue()).toBe('')
    })

    it('are filtered by live and backscan', async () => {
      const page = await open()
      const met = page.getByRole('combobox', { name: 'Met' })
      await expect.poll(() => counted(page, 'Live')).toBeGreaterThan(400)
      for (const [way, other] of [
        ['live', 'Backscan'],
        ['backscan', 'Live'],
      ] as const) {
        await met.selectOption(way)
        await expect.poll(() => counted(page, other)).toBe(0)
        await expect.poll(() => counted(page, 'Logs')).toBe(0)
        const words = () => page.locator('tr.hit .way').allInnerTexts()
        await expect.poll(async () => new Set(await words())).toEqual(new Set([way]))
        expect(await rows(page).count()).toBe(50)
        expect(Object.fromEntries(fragmentOf(page))).toEqual({ way })
      }
      expect(await counted(page, 'Backscan')).toBe(84)
      await page.reload()
      await rows(page).first().waitFor()
      expect(await met.inputValue()).toBe('backscan')
      await met.selectOption('log')
      await expect.poll(() => counted(page, 'Logs')).toBeGreaterThan(60)
      expect(Object.fromEntries(fragmentOf(page))).toEqual({ kind: 'log' })
    })

    it('that are none say so', async () => {
      const page = await open('#value=nothing.example')
      await page.getByText('No hits in this time with these filters.').waitFor()
    })

    it('come page by page, each once', async () => {
      const page = await open()
      const times = async () =>
        await rows(page)
          .locator('time')
          .evaluateAll((all) => all.map((each) => each.getAttribute('datetime') ?? ''))
      const first = await times()
      await page.getByRole('button', { name: 'Older' }).click()
      await page.getByText('Page 2,').waitFor()
      await expect.poll(async () => (await times()).at(0)).not.toBe(first.at(0))
      const second = await times()
      expect([first.length, second.length]).toEqual([50, 50])
      expect(first.at(-1)! >= second.at(0)!).toBe(true)
      expect([...first, ...second]).toEqual([...first, ...second].sort().reverse())
      await page.getByRole('button', { name: 'Newest' }).click()
      await expect.poll(times).toEqual(first)
    })

    it('show all that is known of them', async () => {
      const page = await open('#kind=log')
      const button = rows(page)
        .first()
        .getByRole('button', { name: /^Details/ })
      await button.click()
      expect(await button.getAttribute('aria-expanded')).toBe('true')
      const details = await textOf(page.locator('tr.details'))
      expect(details).toMatch(/Field\s+url\.domain/)
      expect(details).toMatch(/source\.ip\s+192\.0\.2\.4\d/)
      await button.click()
      expect(await page.locator('tr.details').count()).toBe(0)
    })

    it('are zoomed into with a brush, and out again', async () => {
      const page = await open()
      const all = await counted(page, 'Live')
      const box = (await page.locator('.canvas .u-over').boundingBox())!
      const drag = async (from: number, to: number) => {
        await page.mouse.move(box.x + box.width * from, box.y + 40)
        await page.mouse.down()
        await page.mouse.move(box.x + box.width * to, box.y + 60, { steps: 5 })
        await page.mouse.up()
        // The legend tells of the bar under the pointer.
        await page.mouse.move(0, 0)
      }
      await drag(0.25, 0.5)
      await expect.poll(() => fragmentOf(page).has('from')).toBe(true)
      const window = fragmentOf(page)
      const [from, to] = ['from', 'to'].map((name) => Date.parse(window.get(name)!) / 1000)
      expect(to! - from!).toBeGreaterThanOrEqual(6 * 3600)
      expect(to! - from!).toBeLessThanOrEqual(6.5 * 3600)
      await expect.poll(() => counted(page, 'Live')).toBeLessThan(all)
      expect(await counted(page, 'Live')).toBeGreaterThan(0)
      await page.mouse.dblclick(box.x + 300, box.y + 50)
      await page.mouse.move(0, 0)
      await expect.poll(() => counted(page, 'Live')).toBe(all)
      expect(fragmentOf(page).size).toBe(0)
    })

    it('are zoomed into by keys as well', async () => {
      const page = await open()
      for (const name of ['Zoom in', 'Earlier', 'Later', 'Zoom out']) {
        const before = page.url()
        await page.getByRole('button', { name, exact: true }).focus()
        await page.keyboard.press('Enter')
        await expect.poll(() => page.url()).not.toBe(before)
      }
      await page.getByText('The chart as a table').focus()
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'Zoom', exact: true }).first().click()
      const window = fragmentOf(page)
      const length = Date.parse(window.get('to')!) - Date.parse(window.get('from')!)
      expect(length).toBeLessThanOrEqual(3600_000)
    })
  })

  describe('stays fresh', () => {
    it('without touching what is the same, and tells of new hits', async () => {
      const tab = await openTab(browser)
      tabs.push(tab)
      const { page } = tab
      await page.clock.install()
      await page.goto(`${site.url}/#kind=log&event=1`)
      await rows(page).first().waitFor()
      await page.evaluate('document.querySelectorAll("tr.hit").forEach((row) => (row.kept = true))')
      const kept = () =>
        page.evaluate('[...document.querySelectorAll("tr.hit")].filter((row) => row.kept).length')
      const asked = () => tab.requests.filter((url) => url.includes('/v1/hits?')).length
      const before = asked()
      await page.clock.fastForward(20_000)
      await expect.poll(asked).toBeGreaterThan(before)
      expect(await kept()).toBe(50)

      site.record([{ ...site.newest, at: Date.now() - 1000, client: '192.0.2.99' }])
      await page.clock.fastForward(20_000)
      await expect.poll(() => textOf(said(page))).toBe('1 new hit')
      expect(await page.evaluate('document.querySelector("tr.hit").kept')).toBeUndefined()
      expect(await kept()).toBe(49)
    })

    it('when the row that was open has gone from the first page', async () => {
      const tab = await openTab(browser)
      tabs.push(tab)
      const { page } = tab
      await page.clock.install()
      await page.goto(`${site.url}/#kind=log&event=1`)
      const details = rows(page)
        .last()
        .getByRole('button', { name: /^Details/ })
      await details.click()
      await page.locator('tr.details').waitFor()
      const record = (count: number, name: string) =>
        site.record(
          Array.from({ length: count }, (_, n) => {
            return { ...site.newest, at: Date.now() - 1000, observable: `${name}${n}.example` }
          }),
        )
      await page.getByRole('button', { name: 'Older' }).click()
      await page.getByText('Page 2,').waitFor()
      record(50, 'more')
      await page.getByRole('button', { name: 'Newest' }).click()
      await page.getByRole('button', { name: 'Look up more0.example' }).waitFor()
      expect(await page.locator('tr.details').count()).toBe(0)
      record(1, 'newest')
      await page.clock.fastForward(20_000)
      await page.getByRole('button', { name: 'Look up newest0.example' }).waitFor()
    })

    it('says when tipline is gone, keeps what it had, and when it is back', async () => {
      const tab = await openTab(browser)
      const { page } = tab
      await page.clock.install()
      await page.goto(site.url)
      await rows(page).first().waitFor()
      await state(page).waitFor()
      const banner = page.getByRole('alert').filter({ hasText: 'can not be reached since' })
      await site.silence()
      try {
        await page.clock.fastForward(20_000)
        await banner.waitFor()
        expect(await textOf(banner)).toMatch(/what is shown is from 20/)
        expect(await rows(page).count()).toBe(50)
      } finally {
        await site.listen()
      }
      await page.clock.fastForward(20_000)
      await banner.waitFor({ state: 'detached' })
      // The browser itself tells of connections that were refused.
      const others = tab.complaints.filter((text) => !text.includes('ERR_CONNECTION_REFUSED'))
      expect(others).toEqual([])
      await tab.close()
    })
  })

  describe('is for everybody:', () => {
    const everything = `#ask=${LIVE}`

    it.each([
      ['light', { colorScheme: 'light' }],
      ['dark', { colorScheme: 'dark' }],
      ['narrow', { viewport: { width: 360, height: 800 } }],
    ] as const)('%s, everything has a name, a role, and can be read', async (_name, options) => {
      const page = await open(everything, options)
      await answer(page).waitFor()
      await page.getByText('The chart as a table').click()
      await rows(page)
        .first()
        .getByRole('button', { name: /^Details/ })
        .click()
      expect(await faultsIn(page)).toEqual([])
    })

    it('dark and light differ, and can be chosen', async () => {
      const page = await open('', { colorScheme: 'dark' })
      const ground = () =>
        page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor')
      const dark = await ground()
      await page.getByLabel('Theme').selectOption('light')
      await expect.poll(ground).not.toBe(dark)
      await page.reload()
      expect(await ground()).not.toBe(dark)
    })

    it('a narrow screen need not be scrolled sideways', async () => {
      const page = await open(everything, { viewport: { width: 360, height: 800 } })
      await answer(page).waitFor()
      const [wide, screen] = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, innerWidth]',
      )
      expect(wide).toBeLessThanOrEqual(screen)
    })

    it('nothing moves for whoever does not want it', async () => {
      const page = await open('', { reducedMotion: 'reduce' })
      const moving = await page.evaluate<number>(
        `[...document.querySelectorAll('*')].filter((each) => {
          const { transitionDuration, animationName } = getComputedStyle(each)
          return transitionDuration !== '0s' || animationName !== 'none'
        }).length`,
      )
      expect(moving).toBe(0)
    })

    it('the keyboard reaches all of it, in the order in which it is read', async () => {
      const page = await open()
      const focused = () =>
        page.evaluate<[string, number]>(
          `(() => {
            const { activeElement: at } = document
            const name = at.getAttribute('aria-label') ?? at.labels?.[0]?.firstChild?.textContent ?? at.textContent
            return [name.trim(), at.getBoundingClientRect().top + scrollY]
          })()`,
        )
      const names: string[] = []
      for (let n = 0; n < 32; n += 1) {
        await page.keyboard.press('Tab')
        names.push((await focused())[0])
      }
      expect(names.slice(0, 3)).toEqual(['To the content', 'Times', 'Theme'])
      const order = [
        'Look up',
        'Sources',
        'Sinks',
        '1h',
        '90d',
        'Zoom out',
        'Value',
        'Event',
        'Source',
      ]
      const places = order.map((name) => names.indexOf(name))
      expect(places.every((place) => place > 0)).toBe(true)
      expect(places).toEqual([...places].sort((a, b) => a - b))
      // Into the box, and out comes the answer.
      await page.getByLabel('Look up').focus()
      await page.keyboard.type(REVOKED)
      await page.keyboard.press('Enter')
      expect(await textOf(answer(page))).toContain('revoked')
      const outline = await page.evaluate<string>(
        'getComputedStyle(document.activeElement).outlineStyle',
      )
      expect(outline).toBe('solid')
    })
  })
})

describe.skipIf(!hasChromium())('the page with tokens', () => {
  let site: Site
  let browser: Browser

  beforeAll(async () => {
    site = await documentationSite({ http: { tokens: TOKENS } })
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  async function signIn(page: Page, token: string): Promise<void> {
    await page.getByLabel('Token').fill(token)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }

  it('shows nothing to whoever has none, and lets in whoever has one', async () => {
    const { page, close } = await openTab(browser)
    await page.goto(`${site.url}/#ask=${LIVE}`)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await faultsIn(page)).toEqual([])
    expect(await textOf(page.locator('main'))).not.toContain(LIVE)
    await signIn(page, 'tip_wrong')
    await page.getByRole('alert').filter({ hasText: 'token' }).waitFor()
    await signIn(page, READER.token)
    await page.locator('.answer .headline').waitFor()
    const cookies = await page.context().cookies()
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }])
    expect(await page.evaluate('document.cookie')).toBe('')
    await page.reload()
    await page.locator('.answer .headline').waitFor()
    const out = page.getByRole('button', { name: 'Sign out reader' })
    await site.silence()
    try {
      await out.click()
      await page.getByRole('alert').filter({ hasText: 'still signed in' }).waitFor()
    } finally {
      await site.listen()
    }
    await out.click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await close()
  })

  it('offers to mark a hit only to whoever may', async () => {
    for (const [token, words] of [
      [READER.token, 'takes a token that may operate'],
      [OPERATOR.token, 'Why it is a false positive'],
    ] as const) {
      const { page, close } = await openTab(browser)
      await page.goto(site.url)
      await signIn(page, token)
      await page
        .getByRole('button', { name: /^Details/ })
        .first()
        .click()
      expect(await textOf(page.locator('tr.details'))).toContain(words)
      await close()
    }
  })

  it('marks a hit as a false positive, shows who did and why, and unmarks it', async () => {
    const { page, complaints, close } = await openTab(browser)
    await page.goto(site.url)
    await signIn(page, OPERATOR.token)
    await page
      .getByRole('button', { name: /^Details/ })
      .first()
      .click()
    await page.getByLabel('Why it is a false positive').fill('our own <b>scanner</b>')
    await page.keyboard.press('Enter')
    const details = page.locator('tr.details')
    await details.getByText('Marked as a false positive by operator').waitFor()
    expect(await textOf(details)).toContain('our own <b>scanner</b>')
    expect(await textOf(page.locator('output'))).toBe('Marked as a false positive.')
    await page.reload()
    await page.locator('tr.hit', { hasText: 'false positive' }).waitFor()
    expect(await faultsIn(page)).toEqual([])
    await page
      .locator('tr.hit', { hasText: 'false positive' })
      .getByRole('button', { name: /^Details/ })
      .click()
    expect(await faultsIn(page)).toEqual([])
    await page.getByRole('button', { name: 'Unmark' }).focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('Why it is a false positive').waitFor()
    await expect.poll(() => textOf(page.locator('output'))).toBe('The mark is taken back.')
    expect(await page.locator('tr.hit', { hasText: 'false positive' }).count()).toBe(0)
    // Of before the sign-in.
    expect(complaints.filter((text) => !text.includes('status of 401'))).toEqual([])
    await close()
  })
})
