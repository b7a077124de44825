/** The lists that come with tipline, in `lists/`: our own selection, dated by their version. */
export const SHIPPED_LIST_FILES = [
  'common-hashes.json',
  'public-resolvers.json',
  'shared-hosts.json',
  'sinkholes.json',
  'well-known-hosts.json',
] as const
