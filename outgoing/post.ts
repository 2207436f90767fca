/** The one way to call a URL that somebody else gave us (promise S6). */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { HoldfastError } from '../domain/errors.js';
import { isPublicAddress } from './address.js';
import { outgoingUrl } from './url.js';

/** No more of an answer is read: it is for people to look at, and nobody can fill our memory with it. */
const MOST_BYTES = 8_192;

export interface Outgoing {
  /** Never rejects: what went wrong is an outcome. A redirect is an answer like any other, and is not followed. */
  post(call: OutgoingCall): Promise<Outcome>;
}

export interface OutgoingCall {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For all of it: the name's look-up, the connection, the answer. */
  timeoutMs: number;
}

export type Outcome =
  | { answered: true; status: number; body: string }
  | { answered: false; reason: 'address_refused' | 'timeout' | 'no_answer'; message: string };

export interface OutgoingOptions {
  /** ALLOW_PRIVATE_URLS: private addresses, and http. */
  allowPrivate: boolean;
  /** Tests have names of their own. */
  lookup?: typeof systemLookup;
}

class AddressRefused extends Error {
  override name = 'AddressRefused';
}

class TimedOut extends Error {
  override name = 'TimedOut';
}

type Found = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;
type Names = (hostname: string, options: LookupOptions, found: Found) => void;

/**
 * One look-up of a name at a time, for all calls that begin meanwhile: the system has four threads for them, and a
 * name whose server never answers must not take them all. No answer is kept.
 */
function oneAtATime(lookup: typeof systemLookup): Names {
  const waiting = new Map<string, Found[]>();
  return (hostname, options, found) => {
    const key = `${hostname} ${JSON.stringify(options)}`;
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(found);
      return;
    }
    const all = [found];
    waiting.set(key, all);
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      waiting.delete(key);
      for (const one of all) one(error, addresses);
    });
  };
}

/**
 * Looks a name up once for the connection itself, and hands over only what was checked: a name that leads elsewhere a
 * moment later is not asked again. One private address among public ones refuses them all.
 */
function guarded(names: Names, allowPrivate: boolean): LookupFunction {
  return (hostname, options, callback) => {
    names(hostname, options, (error, found) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const [first] = found;
      if (first === undefined || !(allowPrivate || found.every(({ address }) => isPublicAddress(address)))) {
        callback(new AddressRefused(`${hostname} leads to an address that is not public`), []);
      } else if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

export function createOutgoing({ allowPrivate, lookup = systemLookup }: OutgoingOptions): Outgoing {
  const named = guarded(oneAtATime(lookup), allowPrivate);
  return {
    async post(call) {
      try {
        // The setting may have changed since the URL was taken.
        const url = outgoingUrl(call.url, { allowPrivate });
        return await exchange(url, call, named);
      } catch (error) {
        return notAnswered(error);
      }
    },
  };
}

function notAnswered(error: unknown): Outcome {
  if (error instanceof AddressRefused || error instanceof HoldfastError) {
    return { answered: false, reason: 'address_refused', message: error.message };
  }
  if (error instanceof TimedOut) return { answered: false, reason: 'timeout', message: error.message };
  // A system's or TLS's own code, such as ECONNREFUSED or CERT_HAS_EXPIRED, holds nothing that was sent.
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'the connection failed';
  return { answered: false, reason: 'no_answer', message: code };
}

/** No connection is kept: the next call looks its name up again, and is checked again. */
function exchange(url: URL, call: OutgoingCall, lookup: LookupFunction): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const headers = { ...call.headers, 'content-length': String(Buffer.byteLength(call.body)) };
    const { request: open } = url.protocol === 'https:' ? https : http;
    const request = open(url, { method: 'POST', agent: false, lookup, headers }, (response) => {
      isAnswered = true;
      readShort(response, (body) => {
        resolve({ answered: true, status: response.statusCode ?? 0, body });
        request.destroy();
      });
    });
    const deadline = setTimeout(() => {
      // Once the status has come, an answer that never ends is as good as one that does.
      if (isAnswered) request.destroy();
      else request.destroy(new TimedOut(`no answer within ${call.timeoutMs} ms`));
    }, call.timeoutMs);
    // Neither has an effect where there is an answer.
    request.on('error', reject);
    request.on('close', () => {
      clearTimeout(deadline);
      if (!isAnswered) reject(new Error('the connection was closed'));
    });
    request.end(call.body);
  });
}

/** What has come when the answer ends, breaks off, or is long enough. */
function readShort(response: IncomingMessage, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const finish = (): void => done(textOf(Buffer.concat(chunks).subarray(0, MOST_BYTES)));
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MOST_BYTES) finish();
  });
  response.on('close', finish);
  response.on('error', finish);
}

/** PostgreSQL keeps no NUL in a text. */
function textOf(bytes: Buffer): string {
  return new TextDecoder().decode(bytes).replaceAll('\0', '');
}
