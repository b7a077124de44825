/**
 * The contract between the queue and a channel. The queue is the only caller; it sends one message at a
 * time through a channel.
 */
import type { Logger } from '../../../log.js'
import type { ToldAlert } from '../disclose.js'

export interface Channel {
  readonly name: string
  /**
   * Gives the message to the receiver, and answers in a few words what that said. It may be called again
   * with the same alert, when a crash left open whether it had arrived; `alert.id` is then the same.
   * @throws ChannelUnavailable: not now; it is tried again later, and the messages behind it wait.
   * AlertRefused: never this one; it is parked, and the next one goes. When aborted, the signal's reason.
   */
  send(alert: ToldAlert, signal: AbortSignal): Promise<string>
  /**
   * Whether the receiver certainly has this message. Asked only after a crash, of channels that can tell;
   * without it the message is sent again.
   */
  has?(alert: ToldAlert): Promise<boolean>
  close(): Promise<void>
}

export interface ChannelDeps {
  readonly log: Logger
  readonly env: Readonly<Record<string, string | undefined>>
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** The name of this machine, as syslog and SMTP say it. */
  readonly hostname: string
}
