/** How single values of the environment are read, and what is said when one is wrong. */
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration } from '../domain/durations.js';

export class ConfigError extends Error {
  override name = 'ConfigError';
}

export const duration = (fallback: string): z.ZodType<number> =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const spanMs = parseDuration(text);
      if (spanMs === undefined) context.addIssue('must be a duration such as 3s, 15m or 24h');
      return spanMs ?? z.NEVER;
    });

export const port = (fallback: number): z.ZodType<number> =>
  z.coerce.number().int().min(0).max(65_535).default(fallback);
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A PEM, or the path to one. */
export const pem = z.string().transform((given, context) => {
  if (given.includes('-----BEGIN')) return given.replaceAll(String.raw`\n`, '\n');
  if (existsSync(given)) return readFileSync(given, 'utf8');
  context.addIssue('must be a PEM or the path to one');
  return z.NEVER;
});

const HOPS = /^\d{1,2}$/;
const PROXY_NAMES = ['loopback', 'linklocal', 'uniquelocal'];

/** An address, or a network that is not the whole internet: `/0` would trust whoever connects. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  if (bits === undefined) return true;
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}

/** Who may say, in X-Forwarded-For, for whom a call was made: so many proxies, or those at these addresses. */
export const trustProxy = z.string().transform((text, context): number | string[] => {
  const given = text.trim();
  if (HOPS.test(given)) return Number(given);
  const places = given.split(',').map((place) => place.trim());
  if (places.every((place) => PROXY_NAMES.includes(place) || isNetwork(place))) return places;
  context.addIssue(
    given.toLowerCase() === 'true'
      ? 'must not be true, or anybody could forge the address of a call in X-Forwarded-For; name the proxies'
      : 'must be the number of proxies in front, or their addresses or networks (10.0.0.0/8), loopback, linklocal or uniquelocal, separated by commas',
  );
  return z.NEVER;
});
