/** Which addresses of the internet a merchant's URL may lead to (promise S6). */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Whether an address belongs to the public internet. Everything with a purpose of its own is not: private, loopback,
 * link-local (clouds keep their metadata there), carrier-grade NAT, multicast, documentation, and the IPv6 forms that
 * carry an IPv4 address to a translator. An IPv4 address in IPv6's notation counts as what it is.
 * @param address IPv4 or IPv6, without brackets
 */
export function isPublicAddress(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.process(address).range() === 'unicast';
}
