/** What the adapters of SMS providers have in common. */
import type { Posted } from './sms.js';
import { cutText } from './text.js';

// Its first words say what is wrong.
const LONGEST_MESSAGE = 120;
/** The request never left this machine. */
const UNREACHABLE = /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/;

export interface Refusal {
  code: string;
  message: string;
}

/** Providers quote the phone's number in their refusals; it has no place in logs and reasons. */
export function refusalOf(code: string, message: string | undefined): Refusal {
  return { code, message: cutText((message ?? '').replaceAll(/\d{7,}/g, '***'), LONGEST_MESSAGE) };
}

/** @returns undefined when the request may have arrived */
export function neverLeft(error: unknown): Posted | undefined {
  const code =
    error instanceof Error ? UNREACHABLE.exec(`${codeOf(error)} ${error.message}`)?.[1] : undefined;
  return code === undefined ? undefined : { state: 'later', code, message: 'the provider cannot be reached' };
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/**
 * Digits with the country's code in front; a bare number that looks like a mobile one of China is one.
 * @param mobile digits, perhaps after `+`
 */
export function withCountry(mobile: string): string {
  return /^1\d{10}$/.test(mobile) ? `86${mobile}` : mobile.replace(/^(\+|00)/, '');
}

/** Host with port, and protocol, of an endpoint such as `http://127.0.0.1:3105`: the client libraries take them apart. */
export function partsOf(endpoint: string): { host: string; protocol: 'http' | 'https' } {
  const { host, protocol } = new URL(endpoint);
  return { host, protocol: protocol === 'http:' ? 'http' : 'https' };
}
