// All hits of the last day, page by page. Types: npx openapi-typescript $TIPLINE_URL/openapi.json -o tipline.d.ts
interface HitPage {
  hits: { first: string; observable: string; event: { info: string } }[]
  next: string | null
}

const { TIPLINE_URL: url, TIPLINE_TOKEN: token } = process.env
let next: string | null = ''
while (next !== null) {
  const query = new URLSearchParams({ since: '24h', limit: '500', ...(next && { cursor: next }) })
  const answer = await fetch(`${url}/v1/hits?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  // RFC 9457: what went wrong stands in `title` and `detail`.
  if (!answer.ok) throw new Error(JSON.stringify(await answer.json()))
  const page = (await answer.json()) as HitPage
  for (const { first, observable, event } of page.hits) {
    // As JSON: what came from MISP could else move the cursor of a terminal.
    console.log(JSON.stringify([first, observable, event.info]))
  }
  next = page.next
}
