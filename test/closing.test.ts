import { describe, expect, it } from 'vitest'
import { closing } from '../src/closing.js'

describe('what was opened', () => {
  it('is closed, the last first, and the answer is that of the work', async () => {
    const closed: string[] = []
    const answer = await closing(async (later) => {
      later(() => void closed.push('ledger'))
      later(async () => void closed.push('API'))
      return 'done'
    })
    expect(answer).toBe('done')
    expect(closed).toEqual(['API', 'ledger'])
  })

  it('is closed all of it, though the closing of one fails; that is thrown', async () => {
    const closed: string[] = []
    const work = closing(async (later) => {
      later(() => void closed.push('lock'))
      later(() => {
        throw new Error('the ledger is broken')
      })
      later(() => Promise.reject(new Error('the API is broken')))
    })
    await expect(work).rejects.toThrow('the API is broken')
    expect(closed).toEqual(['lock'])
  })

  it('is closed when the work fails, and why the work failed is what is thrown', async () => {
    const closed: string[] = []
    const work = closing(async (later) => {
      later(() => void closed.push('lock'))
      later(() => Promise.reject(new Error('nothing to close')))
      throw new Error('the disk is full')
    })
    await expect(work).rejects.toThrow('the disk is full')
    expect(closed).toEqual(['lock'])
  })
})
