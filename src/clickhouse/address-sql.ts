/** Addresses of flows as numbers, in SQL: whatever way a text is spelled, it becomes the same. */

/** 128 bits; IPv4 as IPv4-mapped IPv6. What is no address becomes 0. */
export function addressOf(text: string): string {
  return `toUInt128(toIPv6OrDefault(${text}))`
}

/** The last 32 bits: the same in IPv4, IPv4-mapped IPv6 and NAT64. */
export function lastBits(text: string): string {
  return `toUInt32(${addressOf(text)})`
}
