/** A TCP server that behaves as no memcached would, for the faults that the real one can't show. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

export interface Scripted {
  readonly address: string
  close(): void
}

/** `answer` is called with each piece of text that arrives. */
export async function scripted(answer: (socket: Socket, text: string) => void): Promise<Scripted> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.setEncoding('latin1')
    socket.on('data', (text) => answer(socket, String(text)))
    // The client breaks off in most of these tests; that is what they test.
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    address: `127.0.0.1:${address.port}`,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

export const SETTINGS_ANSWER = 'STAT item_size_max 1048576\r\nEND\r\n'

/** Opens well: answers what a sink asks first, and leaves the rest to `then`. */
export function afterOpening(
  then: (socket: Socket, text: string) => void,
): (socket: Socket, text: string) => void {
  return (socket, text) => {
    if (text === 'version\r\n') socket.write('VERSION 1.6.18\r\n')
    else if (text === 'stats settings\r\n') socket.write(SETTINGS_ANSWER)
    else if (text.startsWith('mg tipline:state')) socket.write('MN\r\n')
    else if (text === 'stats\r\n') socket.write('END\r\n')
    else then(socket, text)
  }
}
