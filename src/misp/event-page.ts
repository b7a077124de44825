/** Where people look at an event. */

interface EventIds {
  readonly eventId: string
  readonly eventUuid: string
}

/** `root`: the address of the MISP for people, as the config has it, e.g. `https://misp.example.org/`. */
export function eventPage(root: string, { eventId, eventUuid }: EventIds): string {
  return `${root.replace(/\/+$/, '')}/events/view/${encodeURIComponent(eventId || eventUuid)}`
}
