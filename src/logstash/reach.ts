/** Whether Logstash can reach the memcached that the config names: its client, Dalli, can do less than ours. */
import type { LoadedConfig } from '../config/load.js'

type Memcached = NonNullable<LoadedConfig['sinks']['memcached']>

/** What keeps Logstash from the servers, or what it needs beside the files; a sentence each. */
export function reachOf({ tls, auth, username }: Memcached): string[] {
  return [
    ...(tls === undefined ? [] : [NO_TLS]),
    ...(username === undefined ? [] : [auth === 'sasl' ? SASL : NO_ASCII]),
  ]
}

const NO_TLS =
  'Logstash can not talk TLS to memcached: give it a listener without (-l notls:127.0.0.1:11211) or a tunnel, and put that address into servers of tipline.json'
const NO_ASCII =
  'Logstash can not log in to a memcached with -Y (auth: ascii): use SASL (memcached -S), or a listener that only Logstash reaches'
const SASL =
  'Logstash logs in with MEMCACHE_USERNAME and MEMCACHE_PASSWORD of its own environment: set both there'
