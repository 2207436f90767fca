/** What a merchant may give us to call. */
import { isIP } from 'node:net';
import { HoldfastError } from '../domain/errors.js';
import { isPublicAddress } from './address.js';

const MAX_LENGTH = 2_048;

/** A host as an address, where it is one: without the brackets of IPv6. */
function addressIn(hostname: string): string | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? null : bare;
}

/**
 * Checks what can be known before anybody connects; what a name leads to is known only then. Numbers such as
 * `0x7f.1` and `2130706433` are addresses by now, as the URL's own rules read them.
 * @param allowPrivate ALLOW_PRIVATE_URLS: private addresses, and http
 * @throws HoldfastError `invalid_request` that names the field
 */
export function outgoingUrl(given: string, { allowPrivate }: { allowPrivate: boolean }): URL {
  const refuse = (message: string): never => {
    throw new HoldfastError('invalid_request', { message: `url ${message}`, details: { field: 'url' } });
  };
  if (given.length > MAX_LENGTH || !URL.canParse(given)) return refuse('must be a URL');
  const url = new URL(given);
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) {
    return refuse('must start with https://');
  }
  if (url.username !== '' || url.password !== '') return refuse('must not hold a user name or a password');
  if (url.hash !== '') return refuse('must not have a fragment');
  const address = addressIn(url.hostname);
  if (!allowPrivate && address !== null && !isPublicAddress(address)) {
    return refuse('must lead to a public address');
  }
  return url;
}
