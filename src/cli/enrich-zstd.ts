/** zstd for versions of Node that have none; loaded only where it is needed. */
import { Transform } from 'node:stream'
import { Decompress } from 'fzstd'

export function createZstdUnpacker(): Transform {
  const unpacker = new Decompress()
  return new Transform({
    construct(done) {
      unpacker.ondata = (bytes) => {
        this.push(Buffer.from(bytes))
      }
      done()
    },
    transform(chunk: Buffer, _, done) {
      attempt(() => unpacker.push(chunk), done)
    },
    flush(done) {
      attempt(() => unpacker.push(new Uint8Array(0), true), done)
    },
  })
}

function attempt(work: () => void, done: (error?: Error) => void): void {
  try {
    work()
    done()
  } catch (error) {
    done(error as Error)
  }
}
