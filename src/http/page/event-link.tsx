/** A MISP event: its title, and a link to its page where the config knows one. */
import { Foreign } from './foreign.js'
import { safeLink } from './text.js'

export interface EventLinkProps {
  /** MISP's number; empty of a feed. */
  readonly id: string
  readonly uuid: string
  readonly info: string
  readonly link: string | null
}

export function EventLink({ id, uuid, info, link }: EventLinkProps) {
  const href = safeLink(link)
  const name = <Foreign text={id === '' ? uuid : `#${id}`} most={40} />
  return (
    <span class="event">
      {href === null ? (
        name
      ) : (
        <a href={href} target="_blank" rel="noreferrer noopener">
          {name}
        </a>
      )}{' '}
      <Foreign text={info} most={160} />
    </span>
  )
}
