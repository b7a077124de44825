/** The description of the API, as the API itself serves it. */
import { ApiHouse } from '../http/house.js'

export async function openApiReference(): Promise<string> {
  const house = await ApiHouse.open([])
  try {
    const { json } = await house.ask('/openapi.json')
    return `${JSON.stringify(json, null, 2)}\n`
  } finally {
    await house.close()
  }
}
