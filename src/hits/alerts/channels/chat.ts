/**
 * Incoming webhooks of Slack and Mattermost. Nothing that came from MISP or a log is markup there: no
 * mention, no link, no formatting.
 */
import { z } from 'zod'
import { ascii } from '../../../ascii.js'
import type { ToldAlert } from '../disclose.js'
import { commonSettings, nameSetting } from '../settings.js'
import { bodyTemplates, DEFAULT_TEMPLATES } from '../templates.js'
import { linksOf, wordsOf } from '../words.js'
import type { Channel, ChannelDeps } from './channel.js'
import { hasUrl, NEEDS_URL, post, receiverSettings } from './post.js'

const chatSettings = { ...receiverSettings, templates: bodyTemplates, ...commonSettings }

export const slackSettings = z
  .strictObject({
    name: nameSetting,
    type: z.literal('slack').describe('An incoming webhook of Slack.'),
    ...chatSettings,
  })
  .refine(hasUrl, NEEDS_URL)

export const mattermostSettings = z
  .strictObject({
    name: nameSetting,
    type: z.literal('mattermost').describe('An incoming webhook of Mattermost.'),
    ...chatSettings,
  })
  .refine(hasUrl, NEEDS_URL)

export type ChatSettings = z.output<typeof slackSettings> | z.output<typeof mattermostSettings>

export function chatChannel(settings: ChatSettings, deps: ChannelDeps): Channel {
  const payload = settings.type === 'slack' ? slackPayload : mattermostPayload
  return {
    name: settings.name,
    send: (alert, signal) => {
      const body = ascii(payload(alert, settings))
      // Neither of them knows it; a gateway between may.
      const headers = { 'idempotency-key': alert.id }
      return post({ receiver: settings, headers, body, secrets: [], signal }, deps)
    },
    close: async () => undefined,
  }
}

/**
 * Plain text: nothing is formatted, no name becomes a mention. Of addresses only those of events in MISP
 * become links, as all others are defanged.
 */
function slackPayload(alert: ToldAlert, { templates }: ChatSettings): object {
  const { body } = wordsOf(alert, { ...DEFAULT_TEMPLATES, ...templates })
  return {
    text: slackEscaped(body),
    mrkdwn: false,
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  }
}

/** All that Slack has: https://api.slack.com/reference/surfaces/formatting#escaping */
function slackEscaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/**
 * Mattermost has no plain text. In a code block nothing is formatted and nobody is mentioned; what could
 * end the block, and `<!channel>`, which it reads anywhere, is replaced by what only looks like it.
 */
function mattermostPayload(alert: ToldAlert, { templates }: ChatSettings): object {
  const message = templates.message.replaceAll('{links}', '')
  const { body } = wordsOf(alert, { ...DEFAULT_TEMPLATES, ...templates, message })
  const links = alert.kind === 'hit' ? alert.sights.flatMap(linksOf) : []
  return { text: ['```text', mattermostEscaped(body), '```', ...links].join('\n') }
}

function mattermostEscaped(text: string): string {
  return text
    .replaceAll('`', "'")
    .replaceAll('~~~', '---')
    .replaceAll('<', '\u2039')
    .replaceAll('>', '\u203a')
}
