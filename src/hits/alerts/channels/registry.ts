/** Every kind of channel there is. A new one is a file, a line here, and a test with its real receiver. */
import { z } from 'zod'
import type { Channel, ChannelDeps } from './channel.js'
import { chatChannel, mattermostSettings, slackSettings } from './chat.js'
import { emailChannel, emailSettings } from './email.js'
import { fileChannel, fileSettings } from './file.js'
import { syslogChannel, syslogSettings } from './syslog.js'
import { webhookChannel, webhookSettings } from './webhook.js'

/** The part `alerts` of the config. */
export const alertsSettings = z.array(
  z.discriminatedUnion('type', [
    webhookSettings,
    slackSettings,
    mattermostSettings,
    emailSettings,
    fileSettings,
    syslogSettings,
  ]),
)

export type ChannelSettings = z.output<typeof alertsSettings>[number]

/** Connects nowhere yet. */
export function createChannel(settings: ChannelSettings, deps: ChannelDeps): Channel {
  switch (settings.type) {
    case 'webhook':
      return webhookChannel(settings, deps)
    case 'slack':
    case 'mattermost':
      return chatChannel(settings, deps)
    case 'email':
      return emailChannel(settings, deps)
    case 'file':
      return fileChannel(settings)
    case 'syslog':
      return syslogChannel(settings, deps)
  }
}
