import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/** Compares signatures in hex in constant time. */
export function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given.toLowerCase()), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** `Name Credential=a, SignedHeaders=b;c, Signature=d`, with or without spaces. */
export function fieldsOf(authorization: string): ReadonlyMap<string, string> {
  const found = authorization.matchAll(/(Credential|SignedHeaders|Signature)=([^,\s]+)/g);
  return new Map([...found].map(([, name = '', value = '']) => [name, value]));
}

/** What of a request its signature covers. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export function headerOf({ headers }: SignedRequest, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value.trim() : '';
}
