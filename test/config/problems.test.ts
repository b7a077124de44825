import { describe, expect, it } from 'vitest'
import { MISP, told } from './told.js'

describe('a broken config', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'a key mistyped in a source',
      `${MISP}    filtres: {}\n`,
      ['tipline.yml:5:5: sources.0.filtres: unknown key; did you mean "filters"?'],
    ],
    [
      'keys mistyped at the top and deep down',
      `${MISP}sinkz: {}\npolicy:\n  max_age: { ip: 90d, domian: 30d }\n`,
      [
        'tipline.yml:5:1: sinkz: unknown key; did you mean "sinks"?',
        'tipline.yml:7:23: policy.max_age.domian: unknown key; did you mean "domain"?',
      ],
    ],
    [
      'a key in the wrong part',
      `${MISP}memcached: {}\nmax_tlp: green\n`,
      [
        'tipline.yml:5:1: memcached: unknown key; it belongs under sinks',
        'tipline.yml:6:1: max_tlp: unknown key; it belongs under policy',
      ],
    ],
    [
      'a key like none',
      `${MISP}guard: { xyzzy: 1 }\n`,
      [
        'tipline.yml:5:10: guard.xyzzy: unknown key; known are revoke_percent, revoke_min, growth_factor, growth_min',
      ],
    ],
    [
      'the right name in other letters',
      `${MISP}policy: { Max-TLP: green }\n`,
      ['tipline.yml:5:11: policy.Max-TLP: unknown key; did you mean "max_tlp"?'],
    ],
    [
      'wrong types',
      'sources: main\nsinks: [memcached]\nlog: { level: 3 }\n',
      [
        'tipline.yml:1:10: sources: expected a list, found "main"',
        'tipline.yml:2:8: sinks: expected a mapping, found a list of 1',
        'tipline.yml:3:15: log.level: expected trace, debug, info, warn, error or silent, found 3',
      ],
    ],
    [
      'numbers out of their range',
      `${MISP}policy: { widest_net: { v4: 33, v6: 1.5 } }\nguard: { revoke_percent: -1 }\n`,
      [
        'tipline.yml:5:29: policy.widest_net.v4: expected at most 32, found 33',
        'tipline.yml:5:37: policy.widest_net.v6: expected a whole number, found 1.5',
        'tipline.yml:6:26: guard.revoke_percent: expected at least 0, found -1',
      ],
    ],
    [
      'a history that is no duration',
      `${MISP}history: 13 months\n`,
      [
        'tipline.yml:5:10: history: expected a duration such as 12h or 365d, or never, found "13 months"',
      ],
    ],
    [
      'durations without a unit, which quotes would not mend',
      `${MISP}    every: 60\nkeep: { hits: 90 }\nflows: { every: 5 }\npolicy: { max_age: { ip: 90 } }\n`,
      [
        'tipline.yml:5:12: sources.0.every: expected a duration such as 30s, 5m, 12h or 3d, found 60',
        'tipline.yml:6:15: keep.hits: expected a duration such as 12h or 365d, or never, found 90',
        'tipline.yml:7:17: flows.every: expected a duration such as 5s or 1m, found 5',
        'tipline.yml:8:26: policy.max_age.ip: expected a duration such as 12h or 365d, or never, found 90',
      ],
    ],
    [
      'other plain values where a text of some form is due',
      `${MISP}    filters: { published: false }\nhttp: { listen: 8787 }\nnetworks: { lab: [1] }\n`,
      [
        'tipline.yml:5:27: sources.0.filters.published: expected true or any, found false',
        'tipline.yml:6:17: http.listen: expected host:port such as 127.0.0.1:8787, unix:/path/of/socket, or off, found 8787',
        'tipline.yml:7:19: networks.lab.0: expected a net such as 192.0.2.0/24 or 2001:db8::/32, found 1',
      ],
    ],
    [
      'a source that would be asked without a pause',
      `${MISP}    every: 0s\n`,
      ['tipline.yml:5:12: sources.0.every: expected 1s or more, found "0s"'],
    ],
    [
      'time-outs that would be none',
      `${MISP}    timeout: 0s\nsinks: { clickhouse: { timeout: 0m } }\n`,
      [
        'tipline.yml:5:14: sources.0.timeout: expected 1s or more, found "0s"',
        'tipline.yml:6:33: sinks.clickhouse.timeout: expected 1s or more, found "0m"',
      ],
    ],
    [
      'durations of more digits than are read',
      `${MISP}    every: 1000000000s\n    filters: { since: 1000000000s }\n`,
      [
        'tipline.yml:5:12: sources.0.every: expected a duration such as 30s, 5m, 12h or 3d, found "1000000000s"',
        'tipline.yml:6:23: sources.0.filters.since: expected a duration such as 30d, a date such as 2026-01-31, or epoch seconds, found "1000000000s"',
      ],
    ],
    [
      'a ZMQ address without a port, and a header that is not for a config to say',
      `${MISP}    zmq: "tcp://misp.example"\nalerts: [{ name: a, type: webhook, url: "https://a.example/x", headers: { Connection: close } }]\n`,
      [
        'tipline.yml:5:10: sources.0.zmq: expected an address such as tcp://misp.example:50000, found "tcp://misp.example"',
        'tipline.yml:6:75: alerts.0.headers.Connection: that header is for HTTP alone to say',
      ],
    ],
    [
      'types that nothing comes of',
      `${MISP}    filters: { types: [ip-dst, ip-dest, ssdeep, qqq] }\n`,
      [
        'tipline.yml:5:32: sources.0.filters.types.1: "ip-dest" is no type that is matched (docs/reference/types.md lists them); did you mean ip-dst?',
        'tipline.yml:5:41: sources.0.filters.types.2: nothing is matched with ssdeep: a similarity hash: near values mean the same, so equality misses what it is for',
        'tipline.yml:5:49: sources.0.filters.types.3: "qqq" is no type that is matched (docs/reference/types.md lists them)',
      ],
    ],
    [
      'filters that a search would pass over',
      `${MISP}    search: { last: 3d }\n    filters: { tags: ["!tlp:red"], since: 30d }\n`,
      [
        'tipline.yml:6:22: sources.0.filters.tags: stands beside `search`, which takes the place of filters: put it in there',
        'tipline.yml:6:43: sources.0.filters.since: stands beside `search`, which takes the place of filters: put it in there',
      ],
    ],
    [
      'a proxy without a scheme',
      `${MISP}    proxy: proxy.example.org:3128\n`,
      [
        'tipline.yml:5:12: sources.0.proxy: expected a URL such as http://proxy.example.org:3128, or "" for none, found "proxy.example.org:3128"',
      ],
    ],
    [
      'flows that have nowhere to go',
      `${MISP}flows: { watch: [{ folder: /var/cache/nfdump }] }\n`,
      [
        'tipline.yml:5:17: flows.watch: flows go into ClickHouse; add `clickhouse: {}` under `sinks`',
      ],
    ],
    [
      'keys that mean something else elsewhere',
      `${MISP}http: { port: 8787 }\n`,
      ['tipline.yml:5:9: http.port: unknown key; known are listen, hosts, tokens, tls, limits'],
    ],
    [
      'a key of digits, which YAML reads as a number',
      MISP.replace('a-key-of-nobody', '1234567890'),
      ['tipline.yml:4:10: sources.0.key: expected a text, found a number; put it in quotes'],
    ],
    [
      'secrets of another length or form, which are not shown',
      `${MISP.replace('a-key-of-nobody', '""')}sinks:
  clickhouse: { embedded: { reader_password: hunter2 } }
  redis: { password: "" }
alerts:
  - { name: soc, type: webhook, url: "x", token: "\xE9" }
`,
      [
        'tipline.yml:4:10: sources.0.key: expected some text, found ""',
        'tipline.yml:6:46: sinks.clickhouse.embedded.reader_password: expected at least 8 characters, found a text of 7 characters',
        'tipline.yml:7:22: sinks.redis.password: expected some text, found ""',
        'tipline.yml:9:38: alerts.0.url: expected a URL that begins with https:// or http://, without user and password, found a text of 1 character',
        'tipline.yml:9:50: alerts.0.token: expected printable ASCII in one line, found a text of 1 character',
      ],
    ],
    [
      'no source',
      'sources: []\n',
      ['tipline.yml:1:10: sources: expected at least one item, found an empty list'],
    ],
    ['no sources at all', 'log: {}\n', ['tipline.yml:1:1: sources: missing; expected a list']],
    [
      'a source that says nothing',
      'sources:\n  - {}\n',
      [
        'tipline.yml:2:5: sources.0.name: missing; expected a text',
        'tipline.yml:2:5: sources.0.url: missing; expected a text',
      ],
    ],
    [
      'an unknown type of source',
      'sources:\n  - type: taxii\n    name: a\n',
      ['tipline.yml:2:11: sources.0.type: expected misp or feed, found "taxii"'],
    ],
    [
      'a bad URL',
      MISP.replace('https:', 'htp:'),
      [
        'tipline.yml:3:10: sources.0.url: expected a URL that begins with https:// or http://, found "htp://misp.example.org"',
      ],
    ],
    [
      'a key in the place of the URL',
      MISP.replace('https://misp.example.org', '0123456789abcdef0123456789abcdef01234567'),
      [
        'tipline.yml:3:10: sources.0.url: expected a URL that begins with https:// or http://, found a text of 40 characters',
      ],
    ],
    [
      'a key in the place of a key',
      `${MISP}    0123456789abcdef0123456789abcdef01234567: x\n`,
      [
        'tipline.yml:5:5: sources.0.(40 characters): unknown key; known are name, type, url, key, key_file, ca_file, ignore_cert_errors, proxy, page_size, requests, timeout, filters, search, every, absent_grace, sightings, zmq, link',
      ],
    ],
    [
      'a URL of no scheme with a password',
      MISP.replace('https://misp', 'user:pw@misp'),
      [
        'tipline.yml:3:10: sources.0.url: expected a URL that begins with https:// or http://, found a text of 24 characters',
      ],
    ],
    [
      'a bad duration',
      `${MISP}    every: 3 fortnights\n`,
      [
        'tipline.yml:5:12: sources.0.every: expected a duration such as 30s, 5m, 12h or 3d, found "3 fortnights"',
      ],
    ],
    [
      'two sources of one name',
      'sources:\n  - { name: a, type: feed, path: x }\n  - { name: a, type: feed, path: y }\n',
      [
        'tipline.yml:3:13: sources.1.name: expected a name of its own (sources.0 has this one), found "a"',
      ],
    ],
    [
      'a key mistyped in a channel, whatever its type',
      `${MISP}alerts:
  - { name: soc, type: webhook, url: "https://soc.example.org/x", disclse: red }
  - name: mail
    type: email
    server: mail.example.org
    from: tipline@example.org
    to: [soc@example.org]
    starttls: true
`,
      [
        'tipline.yml:6:67: alerts.0.disclse: unknown key; did you mean "disclose"?',
        'tipline.yml:12:5: alerts.1.starttls: unknown key; known are name, type, server, port, security, ca_file, username, password, password_file, from, to, templates, disclose, networks, kinds, tags, per, again_after, digest, max_age, max_per_hour, timeout',
      ],
    ],
    [
      'channels that can not be what they are called',
      `${MISP}alerts:
  - { name: soc, type: webhok, url: "https://soc.example.org/x" }
  - { name: "a b", type: file, path: x }
  - { name: siem, type: syslog, address: siem.example.org }
  - { name: chat, type: slack }
`,
      [
        'tipline.yml:6:24: alerts.0.type: expected webhook, slack, mattermost, email, file or syslog, found "webhok"',
        'tipline.yml:7:13: alerts.1.name: expected letters, digits, ".", "_" and "-" only, found "a b"',
        'tipline.yml:8:42: alerts.2.address: expected udp://host:514, tcp://host:601, tls://host:6514 or unix:/path, found "siem.example.org"',
        'tipline.yml:9:5: alerts.3.url: missing; expected either url or url_file',
      ],
    ],
    [
      'settings of a channel that mean nothing',
      `${MISP}alerts:
  - { name: soc, type: file, path: x, disclose: purple, kinds: [ipp], max_per_hour: 0 }
  - { name: chat, type: slack, url: "https://hooks.example.com/x", digest: 0s }
`,
      [
        'tipline.yml:6:49: alerts.0.disclose: expected clear, green, amber, amber+strict or red, found "purple"',
        'tipline.yml:6:65: alerts.0.kinds.0: expected a kind such as ip, domain or sha256, found "ipp"',
        'tipline.yml:6:85: alerts.0.max_per_hour: expected at least 1, found 0',
        'tipline.yml:7:76: alerts.1.digest: expected 1s or more, found "0s"',
      ],
    ],
    [
      'two channels of one name',
      `${MISP}alerts:
  - { name: soc, type: file, path: x }
  - { name: soc, type: file, path: y }
`,
      [
        'tipline.yml:7:13: alerts.1.name: expected a name of its own (alerts.0 has this one), found "soc"',
      ],
    ],
    [
      'a channel for a network that nobody has',
      `${MISP}networks: { campus: [192.0.2.0/24], lab: ["2001:db8::/32"] }
alerts:
  - { name: soc, type: file, path: x, networks: [campus, campos] }
`,
      ['tipline.yml:7:58: alerts.0.networks.1: expected campus or lab, found "campos"'],
    ],
    [
      'a channel for a network where nobody has any, and a mail server with its port',
      `${MISP}alerts:
  - { name: soc, type: email, server: "mail.example.org:25", from: a@example.org, to: [b@example.org], networks: [campus] }
`,
      [
        'tipline.yml:6:39: alerts.0.server: expected it without a port, which has a setting of its own (`port`), found "mail.example.org:25"',
        'tipline.yml:6:115: alerts.0.networks.0: expected a name out of `networks`, which has none, found "campus"',
      ],
    ],
    [
      'an environment variable that is not set',
      MISP.replace('a-key-of-nobody', `\${NO_SUCH_KEY}`),
      ['tipline.yml:4:10: sources.0.key: the environment variable NO_SUCH_KEY is not set'],
    ],
    [
      'names that JavaScript objects have of themselves',
      MISP.replace('a-key-of-nobody', `\${constructor}`),
      ['tipline.yml:4:10: sources.0.key: the environment variable constructor is not set'],
    ],
    [
      'half a variable',
      MISP.replace('a-key-of-nobody', `"\${MISP KEY}\${"`),
      [
        `tipline.yml:4:10: sources.0.key: \${ without a variable name and }; write \${NAME} for an environment variable, $\${ for the characters themselves`,
      ],
    ],
    [
      'key and key_file',
      `${MISP}    key_file: misp.key\n`,
      ['tipline.yml:5:15: sources.0.key_file: key_file and key are both given; keep one of them'],
    ],
    [
      'neither key nor key_file',
      'sources:\n  - name: main\n    url: https://misp.example.org\n',
      ['tipline.yml:2:5: sources.0.key: missing; expected either key or key_file'],
    ],
    [
      'a tab as indentation',
      'sources:\n\t- name: main\n',
      ['tipline.yml:2:1: a tab; YAML is indented with spaces only'],
    ],
    [
      'a key that stands twice',
      `${MISP}    url: https://other.example.org\n`,
      ['tipline.yml:5:5: sources.0.url: this key stands twice; the first is in line 3'],
    ],
    [
      'an empty file',
      '',
      ['tipline.yml:1:1: the config is empty; examples/tipline.yml is the shortest there can be'],
    ],
    [
      'only comments',
      '# nothing\n---\n',
      ['tipline.yml:1:1: the config is empty; examples/tipline.yml is the shortest there can be'],
    ],
    [
      'a list at the top',
      '- name: main\n',
      ['tipline.yml:1:1: expected a mapping, found a list of 1'],
    ],
    ['a text at the top', 'hello\n', ['tipline.yml:1:1: expected a mapping, found "hello"']],
    [
      'a bracket that is never closed',
      'sources: [\nlog: {}\n',
      ['tipline.yml:2:1: wrong indentation, or a bracket that is never closed'],
    ],
    [
      'a quote that is never closed',
      'data_dir: "here\nlog: {}\n',
      [
        'tipline.yml:3:1: a colon, quote, comma or bracket is missing here or above, or wrong indentation',
      ],
    ],
    [
      'a colon that is forgotten',
      'sources:\n  - name main\n    url: x\n',
      ['tipline.yml:2:5: no colon after this key, or wrong indentation'],
    ],
    [
      'a tag',
      'data_dir: !secret here\n',
      ['tipline.yml:1:11: a tag (!...) has no meaning here; put the value in quotes'],
    ],
    [
      'two documents',
      'log: {}\n---\nlog: {}\n',
      ['tipline.yml:2:1: a second document; a config is one document'],
    ],
    [
      'a text that starts with @',
      'data_dir: @home\n',
      ['tipline.yml:1:11: a text that starts with this character must stand in quotes'],
    ],
    [
      'a name that a template does not know',
      `${MISP}alerts:
  - name: chat
    type: slack
    url: https://hooks.example.com/x
    templates:
      message: "{vlaue} met by {Inside}, {nobody}"
      digest: "{value}"
      flood: "{{limit}}"
      past: "{when}"
      subject: "{value}"
`,
      [
        'tipline.yml:10:16: alerts.0.templates.message: nothing is called {vlaue} here; did you mean {value}?',
        'tipline.yml:11:15: alerts.0.templates.digest: nothing is called {value} here; known are {pairs}, {hits}, {channel}',
        'tipline.yml:12:14: alerts.0.templates.flood: expected braces around names only, one on each side, found "{{limit}}"',
        'tipline.yml:13:13: alerts.0.templates.past: nothing is called {when} here',
        'tipline.yml:14:7: alerts.0.templates.subject: unknown key; known are message, withheld, digest, line, rest, flood, past',
      ],
    ],
    ['a key that is no word', '? [a, b]\n: 1\n', ['tipline.yml:1:3: a key must be a plain word']],
  ]

  it.each(cases)('%s', async (_, text, expected) => {
    expect(await told(text)).toEqual(expected)
  })
})

describe('what is told', () => {
  it('names every problem, not only the first, in the order of the file', async () => {
    const lines = await told(`policy: { max_tlp: purple }\nsources:\n  - nam: x\nlogs: {}\n`)
    expect(lines.map((line) => line.split(':')[1])).toEqual(['1', '3', '3', '3', '4'])
  })

  it('stops after fifty lines and says how many there are', async () => {
    const keys = Array.from({ length: 60 }, (_, at) => `key_number_${at}_of_many: 1`)
    const lines = await told(`${MISP}${keys.join('\n')}\n`)
    expect(lines).toHaveLength(51)
    expect(lines.at(-1)).toBe('tipline.yml: and 10 more problems')
  })

  it('keeps control characters of the file away from the terminal', async () => {
    const [line] = await told(`${MISP}"esc\\e[31m": 1\n`)
    expect(line).toContain('esc\\u001b[31m: unknown key')
  })
})
