import { randomBytes, randomInt } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function text(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** `length` random decimal digits. */
export function digits(length: number): string {
  return text('0123456789', length);
}

/** `length` random letters and digits. */
export function base62(length: number): string {
  return text(BASE62, length);
}

/** `length` lower-case hex digits; `length` is even. */
export function hex(length: number): string {
  return randomBytes(length / 2).toString('hex');
}
