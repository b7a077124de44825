/** Whatever stands in a MISP, a log or an address: on the page it is text, and cut. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Store } from '../../misp/store.js'
import { hasChromium, openTab, type Reader, startChromium } from './browser.js'
import { Site } from './site.js'

const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '"><script>window.pwned=1</script>',
  '<svg/onload=alert(1)>',
  '<iframe src=javascript:alert(1)></iframe>',
  '<style>*{display:none}</style>',
  '</title></textarea></noscript><script>alert(1)</script>',
  'javascript:alert(1)',
  'https://evil.example/"onmouseover="alert(1)',
  '{{constructor.constructor("alert(1)")()}} #{alert(1)} <%= alert(1) %>',
  '&lt;b&gt;&#60;b&#62;',
  'invoice\u202egpj.exe',
  'bell\u0007 and zero\u200bwidth',
  'nul\u0000',
  `z${'\u0301'.repeat(300)}algo`,
  '__proto__',
  'constructor',
  'x'.repeat(10_240),
  '\ud83d\ude00'.repeat(3000),
] as const

const FOREIGN_ELEMENTS = 'img, iframe, object, embed, svg, style, link, base, math, video, audio'

function poisonedMisp(): Store {
  const store = new Store({ now: Math.floor(Date.now() / 1000) - 3600 })
  const at = { timestamp: store.now - 60, publish_timestamp: store.now - 50 }
  for (const [n, text] of HOSTILE.entries()) {
    store.addOrg({ id: 100 + n, name: text, uuid: uuid(n) })
    store.addEvent({
      ...at,
      info: text,
      orgc_id: 100 + n,
      tags: ['tlp:green', text],
      attributes: [
        { type: 'ip-dst', value: '198.51.100.66' },
        { type: 'filename', value: text },
        { type: 'url', value: `http://evil.example/${text}` },
        { type: 'ip-src', value: text },
        { type: 'user-agent', value: text },
      ],
    })
  }
  return store
}

function uuid(n: number): string {
  return `66666666-6666-4666-8666-${String(n).padStart(12, '0')}`
}

describe.skipIf(!hasChromium())('hostile text', () => {
  let site: Site
  let browser: Browser

  beforeAll(async () => {
    site = await Site.start({ store: poisonedMisp })
    await site.house.sync()
    site.record(
      HOSTILE.map((text, n) => ({
        at: Date.now() - 60_000 - n,
        observable: text,
        client: text,
        field: text,
        indicator: { kind: text, value: text },
        attribute: { uuid: text, type: text },
        event: { id: text, uuid: text, info: text, source: text },
        label: text,
      })),
    )
    await site.listen()
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  async function open(fragment = ''): Promise<Reader> {
    const tab = await openTab(browser)
    await tab.page.goto(`${site.url}/${fragment}`)
    await tab.page.locator('table.hits, p.none, .refusal').first().waitFor()
    return tab
  }

  /** Nothing ran, nothing was made, nobody was asked, and no link leads elsewhere. */
  async function expectHarmless({ page, complaints, requests }: Reader): Promise<void> {
    expect(complaints).toEqual([])
    expect(requests.filter((url) => !url.startsWith(site.url))).toEqual([])
    expect(await page.evaluate('window.pwned')).toBeUndefined()
    expect(await page.locator(`#page :is(${FOREIGN_ELEMENTS}, script)`).count()).toBe(0)
    expect(await page.locator('script').count()).toBe(1)
    const links = await page
      .locator('#page a')
      .evaluateAll((all) => all.map((each) => each.getAttribute('href') ?? ''))
    const misp = 'https://misp.example.org/events/view/'
    expect(links.filter((href) => !href.startsWith(misp))).toEqual([])
    const handlers = await page.evaluate(
      `[...document.querySelectorAll('#page *')].flatMap((each) => [...each.attributes])
        .filter(({ name }) => name.startsWith('on') || name === 'style' || name === 'srcdoc')
        .filter(({ ownerElement }) => !ownerElement.closest('.canvas')).length`,
    )
    expect(handlers).toBe(0)
  }

  async function longestLine(page: Page): Promise<number> {
    return await page.evaluate<number>(
      `Math.max(...[...document.querySelectorAll('#page bdi')].map((each) => each.textContent.length))`,
    )
  }

  it('stays text in every field of a hit', async () => {
    const tab = await open()
    const { page } = tab
    const details = page.getByRole('button', { name: /^Details/ })
    expect(await details.count()).toBe(HOSTILE.length)
    const table = await page.locator('table.hits').textContent()
    expect(table?.length).toBeLessThan(30_000)
    expect(table).toContain('<img src=x onerror=alert(1)>')
    expect(table).toContain('invoice\\u{202e}gpj.exe')
    expect(table).toContain('bell\\u{7} and zero\\u{200b}width')
    expect(table).toContain('(10,240 characters)')
    for (let n = 0; n < HOSTILE.length; n += 1) {
      await details.nth(n).click()
      await page.locator('tr.details').hover()
      await expectHarmless(tab)
      await details.nth(n).click()
    }
    expect(await longestLine(page)).toBeLessThan(2500)
    await tab.close()
  })

  it('stays text in every field of an event', async () => {
    const tab = await open('#ask=198.51.100.66')
    const answer = tab.page.locator('.answer')
    await answer.locator('table').waitFor()
    const told = await answer.textContent()
    for (const plain of HOSTILE.slice(0, 10)) expect(told).toContain(plain)
    expect(told).toContain('invoice\\u{202e}gpj.exe')
    expect(await answer.locator('tbody tr').count()).toBe(HOSTILE.length)
    await expectHarmless(tab)
    expect(await longestLine(tab.page)).toBeLessThan(2500)
    await tab.close()
  })

  it('stays text in the box, and in the address', async () => {
    for (const text of HOSTILE) {
      const fragment = new URLSearchParams({ ask: text, value: text, event: text, source: text })
      const tab = await open(`#${fragment}`)
      await tab.page.locator('.answer .headline, .answer ~ *, .refusal').first().waitFor()
      await expectHarmless(withoutRefusals(tab))
      await tab.close()
    }
  })

  it('is no link, even where the config has none that leads to a web page', async () => {
    const other = await Site.start({ store: poisonedMisp, mispLink: 'javascript:alert(1)//' })
    await other.house.sync()
    await other.listen()
    const tab = await openTab(browser)
    await tab.page.goto(`${other.url}/#ask=198.51.100.66`)
    await tab.page.locator('.answer table').waitFor()
    expect(await tab.page.locator('#page a').count()).toBe(0)
    expect(tab.complaints).toEqual([])
    await tab.close()
    await other.close()
  })
})

/** A value that is longer than the API takes is refused, and the browser tells of that by itself. */
function withoutRefusals(tab: Reader): Reader {
  const others = tab.complaints.filter((text) => !/status of 4\d\d/.test(text))
  return { ...tab, complaints: others }
}
