import { once } from 'node:events'
import { type AddressInfo, connect, type Server } from 'node:net'
import { expect, it } from 'vitest'
import { listen } from '../../src/http/listen.js'
import { createLogger } from '../../src/log.js'

it('goes on where the machine could not take a connection for a moment', async () => {
  const logged: string[] = []
  const destination = { write: (line: string) => void logged.push(line) }
  const log = await createLogger({ level: 'info', pretty: false, destination })
  let server: Server | undefined
  const listening = await listen({
    app: () => ({
      fetch: () => new Response('well'),
      quick: ({ socket }) => {
        server = (socket as unknown as { server: Server }).server
        return false
      },
    }),
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    own: false,
    connections: 10,
    log,
  })
  try {
    expect(await (await fetch(listening.url)).text()).toBe('well')
    // As `accept` fails where the machine has no memory for another socket.
    server!.emit('error', Object.assign(new Error('accept ENOBUFS'), { code: 'ENOBUFS' }))
    const socket = connect((server!.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
    expect(await (await fetch(listening.url)).text()).toBe('well')
    expect(logged.join('')).toContain('accept ENOBUFS')
  } finally {
    await listening.close(1000)
  }
})
