/** From which address a call comes: for rate limits, the log, and what a payer's provider wants to know. */
import { isIP } from 'node:net';
import type express from 'express';

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
/** Some proxies name the port too, a new one for each connection: it is no part of the address. */
const WITH_PORT = /^\[(.+)\](?::\d+)?$|^([^:]+):\d+$/;

function plainAddress(text: string | undefined): string | undefined {
  const [, v6, v4] = WITH_PORT.exec(text ?? '') ?? [];
  const bare = v6 ?? v4 ?? text ?? '';
  const address = MAPPED.exec(bare)?.[1] ?? bare;
  return isIP(address) === 0 ? undefined : address;
}

/**
 * The connection's address; behind proxies that TRUST_PROXY names, what these say in X-Forwarded-For.
 * @returns undefined once the connection is gone
 */
export function addressOf(request: express.Request): string | undefined {
  return plainAddress(request.ip) ?? plainAddress(request.socket.remoteAddress);
}
